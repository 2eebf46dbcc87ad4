use super::*;
use crate::cluster::Tenure;

#[test]
fn new_terms_of_the_same_partitions_are_others() {
    let tenure = Tenure {
        epoch: 7,
        after_crash: false,
    };
    let due = Arc::default();
    let term = |partition| (partition, Arc::new(Term::new(partition, tenure, &due)));
    let terms: Terms = (0..3).map(term).collect();
    assert!(are_same(&terms, &terms.clone()));
    assert!(!are_same(&terms, &(0..2).map(term).collect()));
    // As after a lapse that ended while the intake was busy: everything received is forgotten.
    let mut again = terms.clone();
    again.extend([term(1)]);
    assert!(!are_same(&terms, &again));
}
