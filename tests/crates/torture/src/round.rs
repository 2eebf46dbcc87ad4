//! What is done when: one fault after the other, now and then two at once.

use std::fmt;

use catga_tests::servers::proxy::Proxy;
use fastrand::Rng;

use crate::broker::Broker;
use crate::crew::Member;
use crate::faults::{ToBroker, ToNode};
use crate::journal::Journal;

/// What is harmed.
#[derive(Debug)]
pub struct Cluster {
    pub broker: Broker,
    pub crew: Vec<Member>,
    /// The way of each node to the broker, and then that of each publisher.
    pub lines: Vec<Proxy>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    node: Option<ToNode>,
    broker: Option<ToBroker>,
}

impl Round {
    /// Each kind of fault in turn; now and then two at once.
    pub fn draw(rounds: u64, chance: &mut Rng) -> Vec<Self> {
        let of_nodes = ToNode::ALL.map(|fault| (Some(fault), None));
        let of_broker = ToBroker::ALL.map(|fault| (None, Some(fault)));
        let mut turn = [&of_nodes[..], &of_broker[..]].concat();
        let mut drawn = Vec::new();
        while (drawn.len() as u64) < rounds {
            chance.shuffle(&mut turn);
            for (mut node, mut broker) in turn.iter().copied() {
                if chance.u8(..4) == 0 {
                    node = node.or(chance.choice(ToNode::ALL));
                    broker = broker.or(chance.choice(ToBroker::ALL));
                }
                drawn.push(Self { node, broker });
            }
        }
        drawn.truncate(usize::try_from(rounds).unwrap_or(usize::MAX));
        drawn
    }

    /// Does it, and heals it. Returns the node that was harmed, and whether it ended if it was
    /// asked to.
    pub async fn run(
        self,
        cluster: &mut Cluster,
        chance: &mut Rng,
        journal: &Journal,
    ) -> (usize, bool) {
        let at = chance.usize(..cluster.crew.len());
        let (mut of_node, mut of_broker) = (chance.fork(), chance.fork());
        let Cluster {
            broker,
            crew,
            lines,
        } = cluster;
        let node = async {
            match self.node {
                Some(fault) => fault.run(&mut crew[at], &mut of_node).await,
                None => true,
            }
        };
        let outage = async {
            if let Some(fault) = self.broker {
                fault.run(broker, lines, &mut of_broker, journal).await;
            }
        };
        let (ended, ()) = tokio::join!(node, outage);
        (at, ended)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.node, self.broker) {
            (Some(node), Some(broker)) => write!(f, "{node:?} a node, {broker:?} the broker"),
            (Some(node), None) => write!(f, "{node:?} a node"),
            (None, Some(broker)) => write!(f, "{broker:?} the broker"),
            (None, None) => f.write_str("nothing"),
        }
    }
}
