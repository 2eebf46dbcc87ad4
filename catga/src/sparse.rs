use std::collections::VecDeque;

/// Values in the order of their numbers, which nearly always come in that order and may leave in any.
///
/// What leaves from the middle is a gap until half of the room is gaps. So a value takes little more
/// than its own size, and one that stays for long keeps no room of those that came behind it.
#[derive(Debug, Clone)]
pub(crate) struct Sparse<V> {
    /// Both ends are values.
    slots: VecDeque<(u64, Option<V>)>,
    count: usize,
}

/// Below so many slots gaps stay, and so does the room.
const SHORT: usize = 64;

impl<V> Sparse<V> {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn first(&self) -> Option<(u64, &V)> {
        let (number, value) = self.slots.front()?;
        Some((*number, value.as_ref()?))
    }

    pub(crate) fn last(&self) -> Option<(u64, &V)> {
        let (number, value) = self.slots.back()?;
        Some((*number, value.as_ref()?))
    }

    pub(crate) fn get(&self, number: u64) -> Option<&V> {
        let at = self.find(number).ok()?;
        self.slots[at].1.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut V> {
        let at = self.find(number).ok()?;
        self.slots[at].1.as_mut()
    }

    /// Returns what had this number before. One that comes out of order moves those behind it.
    pub(crate) fn insert(&mut self, number: u64, value: V) -> Option<V> {
        let before = match self.find(number) {
            Ok(at) => self.slots[at].1.replace(value),
            Err(at) => {
                self.slots.insert(at, (number, Some(value)));
                None
            }
        };
        self.count += usize::from(before.is_none());
        before
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<V> {
        self.remove_if(number, |_| true)
    }

    pub(crate) fn remove_if(&mut self, number: u64, is: impl FnOnce(&V) -> bool) -> Option<V> {
        let at = self.find(number).ok()?;
        let slot = &mut self.slots[at].1;
        let value = slot.take_if(|value| is(value))?;
        self.count -= 1;
        self.tidy();
        Some(value)
    }

    pub(crate) fn pop_first(&mut self) -> Option<V> {
        let (_, value) = self.slots.pop_front()?;
        self.count -= 1;
        self.tidy();
        value
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        Self::values_of(self.slots.iter())
    }

    /// Those with higher numbers.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (u64, &V)> {
        let start = self.slots.partition_point(|(other, _)| *other <= number);
        Self::values_of(self.slots.range(start..))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots
            .iter_mut()
            .filter_map(|(_, value)| value.as_mut())
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (u64, V)> {
        let slots = self.slots.into_iter();
        slots.filter_map(|(number, value)| Some((number, value?)))
    }

    fn values_of<'a>(
        slots: impl Iterator<Item = &'a (u64, Option<V>)>,
    ) -> impl Iterator<Item = (u64, &'a V)>
    where
        V: 'a,
    {
        slots.filter_map(|(number, value)| Some((*number, value.as_ref()?)))
    }

    fn find(&self, number: u64) -> Result<usize, usize> {
        // Where nearly all come, and leave.
        match (self.slots.front(), self.slots.back()) {
            (_, Some((last, _))) if *last < number => Err(self.slots.len()),
            (Some((first, _)), _) if *first == number => Ok(0),
            _ => self
                .slots
                .binary_search_by_key(&number, |(other, _)| *other),
        }
    }

    /// Ends with values at both ends, and with no more gaps than values.
    fn tidy(&mut self) {
        while self.slots.front().is_some_and(|(_, value)| value.is_none()) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|(_, value)| value.is_none()) {
            self.slots.pop_back();
        }
        let length = self.slots.len();
        if length > SHORT && self.count * 2 < length {
            self.slots.retain(|(_, value)| value.is_some());
        }
        if self.slots.capacity() > SHORT && self.slots.len() * 8 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
    }
}

impl<V> Default for Sparse<V> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            count: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fastrand::Rng;

    use super::*;

    /// Whatever is done to it, it has what a map has.
    #[test]
    fn it_is_an_ordered_map() {
        for seed in 0..200 {
            let mut random = Rng::with_seed(seed);
            let (mut sparse, mut map) = (Sparse::default(), BTreeMap::new());
            let mut next = 0;
            for step in 0..1_000 {
                match random.u8(..16) {
                    0..7 => {
                        next += random.u64(1..3);
                        assert_eq!(sparse.insert(next, step), map.insert(next, step));
                    }
                    7 => {
                        let number = random.u64(..=next);
                        assert_eq!(sparse.insert(number, step), map.insert(number, step));
                    }
                    8..11 => {
                        let first = map.pop_first().map(|(_, value)| value);
                        assert_eq!(sparse.pop_first(), first);
                    }
                    11 => {
                        let number = random.u64(..=next);
                        let value = sparse.get_mut(number);
                        assert_eq!(value.as_deref(), map.get(&number));
                        assert_eq!(sparse.get(number), map.get(&number));
                    }
                    12 => {
                        let number = random.u64(..=next);
                        let even = map.get(&number).is_some_and(|value| value % 2 == 0);
                        let removed = if even { map.remove(&number) } else { None };
                        assert_eq!(sparse.remove_if(number, |value| value % 2 == 0), removed);
                    }
                    _ => {
                        let number = random.u64(..=next);
                        assert_eq!(sparse.remove(number), map.remove(&number));
                    }
                }
                assert_eq!(sparse.len(), map.len());
                assert_eq!(sparse.first(), map.first_key_value().map(|(n, v)| (*n, v)));
                assert_eq!(sparse.last(), map.last_key_value().map(|(n, v)| (*n, v)));
            }
            assert!(sparse.iter().eq(map.iter().map(|(n, v)| (*n, v))));
            let middle = next / 2;
            let behind = map.range(middle + 1..).map(|(n, v)| (*n, v));
            assert!(sparse.after(middle).eq(behind));
            assert!(sparse.values_mut().eq(map.values_mut()));
            assert!(sparse.into_iter().eq(map));
        }
    }

    #[test]
    fn one_that_stays_keeps_no_room_of_the_others() {
        let mut sparse = Sparse::default();
        for number in 0..100_000 {
            sparse.insert(number, number);
        }
        for number in 1..100_000 {
            assert_eq!(sparse.remove(number), Some(number));
        }
        assert_eq!(sparse.iter().collect::<Vec<_>>(), [(0, &0)]);
        assert!(sparse.slots.capacity() <= SHORT);
    }
}
