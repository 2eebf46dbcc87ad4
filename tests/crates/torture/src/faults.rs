//! What is done to the cluster.

use std::time::Duration;

use catga_tests::servers::proxy::{Flow, Proxy};
use fastrand::Rng;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::crew::Member;
use crate::journal::Journal;
use crate::process::NODE_TIMEOUT;

/// Something that is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToNode {
    /// SIGKILL; it is started again before or after the others see that it is dead.
    Kill,
    /// SIGSTOP for so long that it is dead for the others, then SIGCONT.
    Pause,
    /// SIGTERM; it is started again.
    Restart,
}

/// Something that is done to the broker, or to the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToBroker {
    /// SIGKILL; it is started again with what it has on disk.
    Kill,
    /// SIGSTOP, then SIGCONT.
    Pause,
    /// All connections end, in the middle of whatever they carry; new ones can be made.
    Cut,
    /// One connection is refused for a while.
    Refuse,
    /// One connection carries nothing for a while, and nobody is told.
    Hold,
}

impl ToNode {
    pub const ALL: [Self; 3] = [Self::Kill, Self::Pause, Self::Restart];

    /// Does it, and heals it; whether the node ended if it was asked to.
    pub async fn run(self, member: &mut Member, chance: &mut Rng) -> bool {
        match self {
            Self::Kill => {
                member.kill();
                sleep(up_to(NODE_TIMEOUT * 2, chance)).await;
                member.restart();
                true
            }
            Self::Pause => {
                member.pause();
                let more = Duration::from_millis(300) + up_to(NODE_TIMEOUT, chance);
                sleep(NODE_TIMEOUT + more).await;
                member.resume();
                true
            }
            Self::Restart => {
                let ended = member.shut_down().await;
                sleep(up_to(NODE_TIMEOUT, chance)).await;
                member.restart();
                ended
            }
        }
    }
}

impl ToBroker {
    pub const ALL: [Self; 5] = [Self::Kill, Self::Pause, Self::Cut, Self::Refuse, Self::Hold];

    /// Does it, and heals it.
    pub async fn run(
        self,
        broker: &mut Broker,
        lines: &[Proxy],
        chance: &mut Rng,
        journal: &Journal,
    ) {
        let at = chance.usize(..lines.len());
        let note = |what: &str| journal.incident(what.to_owned());
        match self {
            Self::Kill => {
                note("the broker is killed");
                broker.process().kill();
                sleep(up_to(NODE_TIMEOUT, chance)).await;
                broker.restart();
                note("the broker is started again");
            }
            Self::Pause => {
                note("the broker is stopped");
                broker.process().pause();
                sleep(up_to(NODE_TIMEOUT * 2, chance)).await;
                broker.process().resume();
                note("the broker goes on");
            }
            Self::Cut => {
                for _ in 0..chance.u8(1..6) {
                    note("all connections are cut");
                    for line in lines {
                        line.cut();
                    }
                    sleep(up_to(Duration::from_secs(1), chance)).await;
                }
            }
            Self::Refuse | Self::Hold => {
                let flow = if self == Self::Hold {
                    Flow::Held
                } else {
                    Flow::Cut
                };
                journal.incident(format!("connection {at} is {flow:?}"));
                lines[at].set(flow);
                sleep(up_to(NODE_TIMEOUT * 2, chance)).await;
                lines[at].set(Flow::Open);
                journal.incident(format!("connection {at} is open again"));
            }
        }
    }
}

fn up_to(longest: Duration, chance: &mut Rng) -> Duration {
    longest.mul_f64(chance.f64())
}
