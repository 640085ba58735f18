//! The smallest of many changing values, without allocating: its root is read at once, a change walks up only as far as it
//! matters.

/// A binary tree in an array: leaf `i` stands at `leaves + i`, every inner node holds the smaller of its children.
#[derive(Debug, Clone)]
pub(crate) struct MinTree {
    leaves: usize,
    nodes: Vec<i64>,
}

impl MinTree {
    pub(crate) fn new(leaves: usize) -> Self {
        let leaves = leaves.max(1).next_power_of_two();
        Self {
            leaves,
            nodes: vec![i64::MAX; 2 * leaves],
        }
    }

    pub(crate) fn set(&mut self, leaf: usize, value: i64) {
        let mut node = self.leaves + leaf;
        if self.nodes[node] == value {
            return;
        }
        self.nodes[node] = value;
        while node > 1 {
            node /= 2;
            let smaller = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
            if self.nodes[node] == smaller {
                break;
            }
            self.nodes[node] = smaller;
        }
    }

    /// The smallest value; `i64::MAX` when none was set.
    #[inline]
    pub(crate) fn min(&self) -> i64 {
        self.nodes[1]
    }
}

#[cfg(test)]
mod tests {
    use super::MinTree;

    #[test]
    fn follows_rises_and_falls() {
        let mut tree = MinTree::new(5);
        assert_eq!(tree.min(), i64::MAX);
        tree.set(4, 3);
        tree.set(0, 7);
        assert_eq!(tree.min(), 3);
        tree.set(4, 9);
        assert_eq!(tree.min(), 7);
        tree.set(0, i64::MAX);
        assert_eq!(tree.min(), 9);
    }

    #[test]
    fn one_leaf_is_its_own_root() {
        let mut tree = MinTree::new(1);
        tree.set(0, 9);
        assert_eq!(tree.min(), 9);
        tree.set(0, i64::MAX);
        assert_eq!(tree.min(), i64::MAX);
    }
}
