//! kameo: an actor that is asked, on the same thread.

use kameo::Actor;
use kameo::message::{Context, Message};

use crate::overflow::Overflow;

#[derive(Actor)]
pub(crate) struct Adder;

pub(crate) struct Ask {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

impl Message<Ask> for Adder {
    type Reply = Result<u64, Overflow>;

    async fn handle(&mut self, message: Ask, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        message.a.checked_add(message.b).ok_or(Overflow)
    }
}
