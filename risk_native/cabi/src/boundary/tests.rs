//! The door itself: panics, threads, faults.

use super::*;

const REFERENCE: &[u8] = br#"{"region": "US", "session": "2026-11-23", "currency": "USD", "generated_at": null, "instruments": [
    {"instrument_id": 1, "issuer_id": 1, "label": "A.NYSE", "symbol": "A", "sector": null, "lot": 1, "tick_micro": 10000,
     "currency": "USD", "tradable": true, "volatility_bp": 150, "adv": 1000000}]}"#;

fn handle() -> *mut Handle {
    let mut desk = std::ptr::null_mut();
    // SAFETY: all of it lives through the call.
    let code = unsafe {
        dnalyaw_risk_create(
            REFERENCE.as_ptr(),
            REFERENCE.len(),
            std::ptr::null(),
            0,
            16,
            &mut desk,
            std::ptr::null_mut(),
            0,
        )
    };
    assert_eq!(code, 0);
    desk
}

fn fault(desk: *mut Handle) -> String {
    let mut text = [0_u8; 200];
    // SAFETY: both live through the call.
    assert_eq!(
        unsafe { dnalyaw_risk_fault(desk, text.as_mut_ptr().cast(), text.len()) },
        0
    );
    let end = text.iter().position(|byte| *byte == 0).unwrap();
    String::from_utf8(text[..end].to_vec()).unwrap()
}

#[test]
fn a_panic_becomes_a_number_and_the_desk_takes_nothing_any_more() {
    let desk = handle();
    // SAFETY: it came from create and is destroyed below.
    unsafe {
        assert!(enter(desk, |_| Ok(())) >= 0);
        let code = enter(desk, |desk| {
            // Half of something was done.
            desk.kill(1);
            panic!("the sums do not add up")
        });
        assert_eq!(code, Failure::Panicked as i32);
        let mut entered = false;
        let again = enter(desk, |_| {
            entered = true;
            Ok(())
        });
        assert_eq!((again, entered), (Failure::Panicked as i32, false));
        assert_eq!(
            fault(desk),
            "the risk engine panicked: the sums do not add up"
        );
        assert_eq!(dnalyaw_risk_destroy(desk), 0);
    }
}

#[test]
fn one_is_in_the_desk_at_a_time() {
    let desk = handle();
    // SAFETY: it came from create and is destroyed below; the calls inside find the door closed and touch nothing.
    unsafe {
        let code = enter(desk, |_| {
            assert_eq!(enter(desk, |_| Ok(())), Failure::Busy as i32);
            assert_eq!(dnalyaw_risk_destroy(desk), Failure::Busy as i32);
            let mut text = [0_u8; 8];
            let told = dnalyaw_risk_fault(desk, text.as_mut_ptr().cast(), text.len());
            assert_eq!(told, Failure::Busy as i32);
            Ok(())
        });
        assert!(code >= 0);
        assert_eq!(dnalyaw_risk_destroy(desk), 0);
    }
}

#[test]
fn a_fault_is_told_until_the_next_one() {
    let desk = handle();
    // SAFETY: it came from create and is destroyed below.
    unsafe {
        let refuse = |_: &mut Desk| Err(Fault::Refused("no such thing".into()).into());
        assert_eq!(enter(desk, refuse), Failure::Refused as i32);
        assert_eq!(fault(desk), "no such thing");
        assert_eq!(
            enter(desk, |_| Err(Failure::Argument.into())),
            Failure::Argument as i32
        );
        assert_eq!(fault(desk), "");
        assert_eq!(enter(std::ptr::null_mut(), |_| Ok(())), -1);
        assert_eq!(dnalyaw_risk_destroy(std::ptr::null_mut()), 0);
        assert_eq!(dnalyaw_risk_destroy(desk), 0);
    }
}
