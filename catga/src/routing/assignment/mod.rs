//! Who should own each partition.

use std::cmp::Reverse;

use super::score::Score;
use crate::node::NodeId;

#[cfg(test)]
mod tests;

/// The preferred owner of each partition, as a place in `members`: rendezvous hashing with a cap.
///
/// `current` is what the record of owners says, by partition: the place of a live owner, or
/// `None` where there is none. The answer depends on nothing else, and not on the order of
/// `members`; it is empty without members.
///
/// - Each of n members gets ⌊P/n⌋ partitions, and P mod n of them get one more.
/// - An owner keeps what it has up to that, the partitions of its highest [`Score`]s first; which
///   owners keep one more is decided by the scores of those partitions.
/// - What is free goes, partition by partition, to the highest score among the members that have
///   fewer than ⌊P/n⌋, or, when all have so many, among those that may get one more.
///
/// It goes by the current owners because the members alone do not tell enough: with a cap, one
/// more member changes who is full, which moves partitions between members that were there
/// before. This way a join or a leave moves at most ⌈P/n⌉, and a member never stays without.
pub(crate) fn assign(current: &[Option<usize>], members: &[NodeId]) -> Vec<usize> {
    if members.is_empty() {
        return Vec::new();
    }
    let mut draft = Draft::new(current.len(), members);
    draft.keep(current);
    draft.fill()
}

struct Draft<'a> {
    members: &'a [NodeId],
    scores: Vec<Score>,
    /// By partition.
    owners: Vec<Option<usize>>,
    /// By member: how many partitions it has.
    counts: Vec<usize>,
    /// What each member gets at least.
    floor: usize,
    /// How many members may still get one more than the floor.
    extra: usize,
}

impl<'a> Draft<'a> {
    fn new(partitions: usize, members: &'a [NodeId]) -> Self {
        Self {
            members,
            scores: members.iter().map(Score::of).collect(),
            owners: vec![None; partitions],
            counts: vec![0; members.len()],
            floor: partitions / members.len(),
            extra: partitions % members.len(),
        }
    }

    fn give(&mut self, partition: usize, member: usize) {
        self.owners[partition] = Some(member);
        self.counts[member] += 1;
    }

    /// Leaves owners what they have, up to their share.
    fn keep(&mut self, current: &[Option<usize>]) {
        let mut beyond = Vec::new();
        for (member, mut held) in self.held(current).into_iter().enumerate() {
            held.sort_unstable_by_key(|&(score, partition)| (Reverse(score), partition));
            for &(_, partition) in held.iter().take(self.floor) {
                self.give(partition, member);
            }
            beyond.extend(
                held.get(self.floor)
                    .map(|&(score, partition)| (score, member, partition)),
            );
        }
        beyond.sort_unstable_by_key(|&(score, member, _)| (Reverse(score), &self.members[member]));
        beyond.truncate(self.extra);
        for (_, member, partition) in beyond {
            self.give(partition, member);
            self.extra -= 1;
        }
    }

    /// By member: the partitions that it owns, with their scores.
    fn held(&mut self, current: &[Option<usize>]) -> Vec<Vec<(u64, usize)>> {
        let mut held = vec![Vec::new(); self.members.len()];
        for (partition, owner) in current.iter().enumerate() {
            if let Some(owner) = owner.filter(|owner| *owner < held.len()) {
                held[owner].push((self.scores[owner].at(partition), partition));
            }
        }
        held
    }

    /// Gives away what nobody has.
    fn fill(mut self) -> Vec<usize> {
        let mut below = self
            .counts
            .iter()
            .filter(|count| **count < self.floor)
            .count();
        for partition in 0..self.owners.len() {
            if self.owners[partition].is_some() {
                continue;
            }
            let member = self.best(partition, below > 0);
            self.give(partition, member);
            if below == 0 {
                self.extra -= 1;
            } else if self.counts[member] == self.floor {
                below -= 1;
            }
        }
        self.owners.into_iter().flatten().collect()
    }

    /// The member with the highest score of those below the floor, or of those just there.
    fn best(&mut self, partition: usize, below: bool) -> usize {
        let (counts, floor, members) = (&self.counts, self.floor, self.members);
        self.scores
            .iter_mut()
            .enumerate()
            .filter(|(member, _)| {
                if below {
                    counts[*member] < floor
                } else {
                    counts[*member] == floor
                }
            })
            .map(|(member, score)| (score.at(partition), member))
            .max_by_key(|&(score, member)| (score, Reverse(&members[member])))
            .map(|(_, member)| member)
            .expect("the shares of all members add up to all partitions")
    }
}
