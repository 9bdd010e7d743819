//! Who needs whom: pairs of numbers, since there are many more of them than of objects.

use super::model::Id;

/// Which object needs which others, in both directions.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// The objects, by their numbers.
    ids: Vec<Id>,
    /// The numbers in the order of the objects.
    order: Vec<u32>,
    /// Who, whom: in order.
    needs: Vec<(u32, u32)>,
    /// Whom, who: in order.
    needed_by: Vec<(u32, u32)>,
    /// Who, whom: what was added last, not in order yet.
    fresh: Vec<(u32, u32)>,
}

impl Links {
    /// No links yet, between objects that are in order and there once each.
    pub fn between(ids: Vec<Id>) -> Self {
        debug_assert!(ids.is_sorted_by(|one, next| one < next), "in order");
        let order = (0..).zip(&ids).map(|(number, _)| number).collect();
        Self {
            ids,
            order,
            ..Self::default()
        }
    }

    /// Notes that `who` needs `whom`.
    pub fn add(&mut self, who: &Id, whom: &Id) {
        if who != whom {
            let (who, whom) = (self.number(who), self.number(whom));
            self.fresh.push((who, whom));
        }
    }

    /// The same, by the places in the list that this was made of.
    pub fn add_numbers(&mut self, who: u32, whom: u32) {
        if who != whom {
            self.fresh.push((who, whom));
        }
    }

    /// Puts in order what was added, after which nothing is slow.
    pub fn settle(&mut self) {
        self.needs.append(&mut self.fresh);
        self.fresh = Vec::new();
        self.needs.sort_unstable();
        self.needs.dedup();
        self.needs.shrink_to_fit();
        self.needed_by = self.needs.iter().map(|(who, whom)| (*whom, *who)).collect();
        self.needed_by.sort_unstable();
    }

    /// What an object needs, in order.
    pub fn needs(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.found(id, &self.needs, |(who, whom)| (who, whom))
    }

    /// Who needs an object, in order.
    pub fn needed_by(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.found(id, &self.needed_by, |(who, whom)| (whom, who))
    }

    fn found(
        &self,
        id: &Id,
        settled: &[(u32, u32)],
        direction: impl Fn((u32, u32)) -> (u32, u32),
    ) -> impl Iterator<Item = &Id> {
        let mut others: Vec<u32> = Vec::new();
        if let Ok(at) = self.place(id) {
            let number = self.order[at];
            let first = settled.partition_point(|(from, _)| *from < number);
            let settled = settled[first..].iter();
            others.extend(
                settled
                    .take_while(|(from, _)| *from == number)
                    .map(|(_, to)| *to),
            );
            let fresh = self.fresh.iter().map(|pair| direction(*pair));
            others.extend(fresh.filter(|(from, _)| *from == number).map(|(_, to)| to));
        }
        others.sort_by_key(|number| self.id(*number));
        others.dedup();
        others.into_iter().map(|number| self.id(number))
    }

    /// The object of a number.
    pub fn id(&self, number: u32) -> &Id {
        &self.ids[number as usize]
    }

    /// Where an object stands in the order, or would stand.
    fn place(&self, id: &Id) -> Result<usize, usize> {
        self.order
            .binary_search_by(|number| self.id(*number).cmp(id))
    }

    fn number(&mut self, id: &Id) -> u32 {
        match self.place(id) {
            Ok(at) => self.order[at],
            Err(at) => {
                let number = u32::try_from(self.ids.len()).expect("PostgreSQL numbers with 32 bit");
                self.ids.push(id.clone());
                self.order.insert(at, number);
                number
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Kind;

    fn id(name: &str) -> Id {
        Id::new(Kind::Table, &["s", name])
    }

    /// `a>b`: a needs b.
    fn add(links: &mut Links, text: &str) {
        for link in text.split_whitespace() {
            let (who, whom) = link.split_once('>').unwrap();
            links.add(&id(who), &id(whom));
        }
    }

    #[track_caller]
    fn check(links: &Links, name: &str, needs: &str, needed_by: &str) {
        let id = id(name);
        let shown = |ids: &mut dyn Iterator<Item = &Id>| -> String {
            ids.map(|id| id.own_name().to_owned()).collect()
        };
        assert_eq!(shown(&mut links.needs(&id)), needs, "{name} needs");
        assert_eq!(
            shown(&mut links.needed_by(&id)),
            needed_by,
            "who needs {name}"
        );
    }

    #[test]
    fn links_are_found_in_both_directions_before_and_after_they_are_in_order() {
        let mut links = Links::between(vec![id("a"), id("c")]);
        add(&mut links, "c>a a>b c>b c>a a>a");
        for _ in 0..2 {
            check(&links, "a", "b", "c");
            check(&links, "b", "", "ac");
            check(&links, "c", "ab", "");
            check(&links, "d", "", "");
            links.settle();
        }
        // What comes later is found as well.
        add(&mut links, "c>aa a>b d>c");
        for _ in 0..2 {
            check(&links, "c", "aaab", "d");
            check(&links, "aa", "", "c");
            check(&links, "a", "b", "c");
            links.settle();
        }
    }
}
