//! The largest of many changing values, in logarithmic time and without allocating.

/// A binary tree in an array: leaf `i` stands at `leaves + i`, every inner node holds the larger of its children.
#[derive(Debug, Clone)]
pub(crate) struct MaxTree {
    leaves: usize,
    nodes: Vec<i128>,
}

impl MaxTree {
    pub(crate) fn new(leaves: usize) -> Self {
        let leaves = leaves.max(1).next_power_of_two();
        Self {
            leaves,
            nodes: vec![0; 2 * leaves],
        }
    }

    pub(crate) fn set(&mut self, leaf: usize, value: i128) {
        let mut node = self.leaves + leaf;
        self.nodes[node] = value;
        while node > 1 {
            node /= 2;
            let larger = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
            if self.nodes[node] == larger {
                break;
            }
            self.nodes[node] = larger;
        }
    }

    /// The largest value; never below zero, because unused leaves are zero.
    pub(crate) fn max(&self) -> i128 {
        self.nodes[1]
    }
}

#[cfg(test)]
mod tests {
    use super::MaxTree;

    #[test]
    fn follows_rises_and_falls() {
        let mut tree = MaxTree::new(5);
        assert_eq!(tree.max(), 0);
        tree.set(4, 7);
        tree.set(0, 3);
        assert_eq!(tree.max(), 7);
        tree.set(4, 1);
        assert_eq!(tree.max(), 3);
        tree.set(0, 0);
        assert_eq!(tree.max(), 1);
    }

    #[test]
    fn one_leaf_is_its_own_root() {
        let mut tree = MaxTree::new(1);
        tree.set(0, 9);
        assert_eq!(tree.max(), 9);
        tree.set(0, 2);
        assert_eq!(tree.max(), 2);
    }
}
