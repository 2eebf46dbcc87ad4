use std::collections::BTreeMap;

use super::*;

const PARTITIONS: [usize; 3] = [32, 64, 256];

/// Owners by name, as the record has them.
type Owners = Vec<Option<NodeId>>;

fn name(chance: &mut fastrand::Rng) -> NodeId {
    let length = chance.usize(1..24);
    let text: String = (0..length)
        .map(|_| {
            *chance
                .choice(b"abcdefghijklmnopqrstuvwxyz0123456789-")
                .unwrap()
        })
        .map(char::from)
        .collect();
    NodeId::new(&text)
}

fn names(chance: &mut fastrand::Rng, count: usize) -> Vec<NodeId> {
    let mut names = std::collections::BTreeSet::new();
    while names.len() < count {
        names.insert(name(chance));
    }
    names.into_iter().collect()
}

/// The next owners by name, from the owners before, of whom some may be gone.
fn next(owners: &Owners, members: &[NodeId]) -> Owners {
    let current: Vec<_> = owners
        .iter()
        .map(|owner| {
            owner
                .as_ref()
                .and_then(|owner| members.iter().position(|member| member == owner))
        })
        .collect();
    let next = assign(&current, members);
    assert_eq!(next.len(), owners.len());
    next.into_iter()
        .map(|member| Some(members[member].clone()))
        .collect()
}

fn assert_balanced(owners: &Owners, members: &[NodeId]) {
    let mut counts: BTreeMap<_, _> = members.iter().map(|member| (member, 0)).collect();
    for owner in owners.iter().flatten() {
        *counts.get_mut(owner).unwrap() += 1;
    }
    let floor = owners.len() / members.len();
    let ceilings = counts.values().filter(|count| **count == floor + 1).count();
    assert!(
        counts
            .values()
            .all(|count| *count == floor || *count == floor + 1),
        "{counts:?}"
    );
    assert_eq!(ceilings, owners.len() % members.len());
}

fn moved(before: &Owners, after: &Owners) -> usize {
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after)
        .count()
}

/// Nodes join, up to 40 of them, and leave again, in any order.
#[test]
fn a_join_or_leave_moves_at_most_one_share() {
    for seed in 0..25 {
        let mut chance = fastrand::Rng::with_seed(seed);
        for partitions in PARTITIONS {
            let mut waiting = names(&mut chance, 40);
            let mut members = vec![waiting.remove(0)];
            let mut owners = next(&vec![None; partitions], &members);
            for step in 0..160 {
                // Up to all 40, then down to a few, with some back and forth.
                let joins = chance.f32() < if step < 80 { 0.8 } else { 0.2 };
                let larger = members.len() + usize::from(joins);
                if joins && !waiting.is_empty() {
                    members.push(waiting.swap_remove(chance.usize(..waiting.len())));
                } else if !joins && members.len() > 1 {
                    waiting.push(members.swap_remove(chance.usize(..members.len())));
                }
                let after = next(&owners, &members);
                assert_balanced(&after, &members);
                let moved = moved(&owners, &after);
                assert!(
                    moved <= partitions.div_ceil(larger),
                    "seed {seed}, P {partitions}, {larger} nodes: {moved} moved"
                );
                owners = after;
            }
        }
    }
}

/// A joining node takes its share and nothing else changes; a leaving one gives up its own only.
#[test]
fn nothing_moves_between_those_that_stay() {
    for seed in 0..40 {
        let mut chance = fastrand::Rng::with_seed(seed);
        for partitions in PARTITIONS {
            let count = chance.usize(2..40);
            let members = names(&mut chance, count);
            let without = &members[1..];
            let before = next(&vec![None; partitions], without);
            let joined = next(&before, &members);
            for (before, after) in before.iter().zip(&joined) {
                assert!(after == before || after.as_ref() == Some(&members[0]));
            }
            for (before, after) in joined.iter().zip(&next(&joined, without)) {
                assert!(after == before || before.as_ref() == Some(&members[0]));
            }
        }
    }
}

/// Whatever the record says, the answer is balanced and is its own answer.
#[test]
fn converges_from_anything() {
    for seed in 0..2_000 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let partitions = chance.choice(PARTITIONS).unwrap();
        let count = chance.usize(1..=40);
        let members = names(&mut chance, count);
        // Few owners with much, some free, some that no longer exist.
        let reach = chance.usize(1..=count + 2);
        let current: Vec<_> = (0..partitions)
            .map(|_| chance.bool().then(|| chance.usize(..reach)))
            .collect();
        let first = assign(&current, &members);
        let owners: Owners = first.iter().map(|at| Some(members[*at].clone())).collect();
        assert_balanced(&owners, &members);
        let recorded: Vec<_> = first.iter().copied().map(Some).collect();
        assert_eq!(assign(&recorded, &members), first, "seed {seed}");
        let lost = current
            .iter()
            .zip(&first)
            .filter(|(current, first)| current.is_some_and(|at| at < count && at != **first))
            .count();
        let shed: usize = (0..count)
            .map(|at| current.iter().filter(|owner| **owner == Some(at)).count())
            .map(|held| held.saturating_sub(partitions / count))
            .sum();
        assert!(
            lost <= shed,
            "seed {seed}: {lost} lost, {shed} were too many"
        );
    }
}

#[test]
fn the_order_of_members_does_not_matter() {
    for seed in 0..200 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let count = chance.usize(1..=40);
        let mut members = names(&mut chance, count);
        let owners: Owners = (0..64)
            .map(|_| {
                chance
                    .bool()
                    .then(|| chance.choice(&members).unwrap().clone())
            })
            .collect();
        let sorted = next(&owners, &members);
        chance.shuffle(&mut members);
        assert_eq!(next(&owners, &members), sorted, "seed {seed}");
    }
}

#[test]
fn balanced_at_3_10_and_32_nodes() {
    for count in [3, 10, 32] {
        let members = names(&mut fastrand::Rng::with_seed(count as u64), count);
        for partitions in PARTITIONS {
            assert_balanced(&next(&vec![None; partitions], &members), &members);
        }
    }
}

#[test]
fn more_members_than_partitions() {
    let members = names(&mut fastrand::Rng::with_seed(0), 40);
    let owners = next(&vec![None; 32], &members);
    assert_balanced(&owners, &members);
    let fewer: Vec<_> = members
        .iter()
        .filter(|member| owners.contains(&Some((*member).clone())))
        .cloned()
        .collect();
    assert_eq!(next(&owners, &fewer), owners, "idle nodes leave");
}

#[test]
fn what_is_too_much_is_shed_lowest_score_first() {
    let members = ["a", "b", "c"].map(NodeId::new);
    let owners = assign(&[Some(1); 32], &members);
    let mut score = Score::of(&members[1]);
    let mut kept: Vec<_> = (0..32).collect();
    kept.sort_by_key(|partition| Reverse(score.at(*partition)));
    kept.truncate(11);
    for (partition, owner) in owners.into_iter().enumerate() {
        assert_eq!(owner == 1, kept.contains(&partition), "{partition}");
    }
}

#[test]
fn without_members_nobody_owns_anything() {
    assert!(assign(&[None, Some(3)], &[]).is_empty());
    assert!(assign(&[], &[NodeId::new("a")]).is_empty());
}

/// With nothing owned, most partitions have the very node that rendezvous hashing prefers.
#[test]
fn a_fresh_cluster_follows_the_scores() {
    let members = ["a", "b", "c"].map(NodeId::new);
    let owners = assign(&[None; 32], &members);
    let preferred = (0..32)
        .filter(|partition| {
            let mut scores = members.each_ref().map(Score::of);
            let scores = scores.each_mut().map(|score| score.at(*partition));
            scores.iter().max() == Some(&scores[owners[*partition]])
        })
        .count();
    assert!(preferred >= 24, "{preferred} of 32");
    // Recomputed by hand from the description: all nodes must agree, of whatever version.
    let text: String = owners.iter().map(|at| members[*at].as_str()).collect();
    assert_eq!(text, "abbcbbccabcabacaababbccabcccaaca");
}
