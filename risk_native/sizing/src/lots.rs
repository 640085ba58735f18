//! Whole lots inside an amount.

use engine::MAX_QUANTITY;

/// The largest whole-lot quantity `x`, up to the largest order there is, with `x * unit <= room` in double precision.
///
/// A quotient that was rounded up must not put the last lot over the limit, nor one that was rounded down take it away:
/// the product decides.
pub(crate) fn whole_lots(room: f64, unit: f64, lot: i64) -> i64 {
    debug_assert!(unit >= 0.0 && lot > 0);
    let most = MAX_QUANTITY / lot;
    if room < 0.0 {
        return 0;
    }
    let inside = |lots: i64| (lots * lot) as f64 * unit <= room;
    if inside(most) {
        return most * lot;
    }
    let mut lots = ((room / (unit * lot as f64)).floor() as i64).clamp(0, most);
    while lots > 0 && !inside(lots) {
        lots -= 1;
    }
    while lots < most && inside(lots + 1) {
        lots += 1;
    }
    lots * lot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lot_is_in_when_the_product_is() {
        assert_eq!(whole_lots(1_000.0, 10.0, 1), 100);
        assert_eq!(whole_lots(999.99, 10.0, 1), 99);
        assert_eq!(whole_lots(1_000.0, 10.0, 30), 90);
        assert_eq!(whole_lots(0.0, 10.0, 1), 0);
        assert_eq!(whole_lots(-5.0, 10.0, 1), 0);
        // 0.3 / 0.1 rounds down to 2.999..., 3 * 0.1 rounds up to more than 0.3: two.
        assert_eq!(whole_lots(0.3, 0.1, 1), 2);
        // 0.7 / 0.1 is 6.999... and 7 * 0.1 is 0.7000000000000001.
        assert_eq!(whole_lots(0.7, 0.1, 1), 6);
        assert_eq!(whole_lots(0.5, 0.1, 1), 5);
    }

    #[test]
    fn what_costs_nothing_ends_at_the_largest_order() {
        assert_eq!(whole_lots(0.0, 0.0, 1), MAX_QUANTITY);
        assert_eq!(whole_lots(1e300, 1e-9, 3), MAX_QUANTITY / 3 * 3);
    }
}
