//! The behaviour suite, the transport contract and more over real NATS servers.

mod limits;
mod marks;
mod messenger;
mod outages;
mod queues;
mod records;
mod site;
mod slow_consumer;
mod starting;
mod tls;

mod oldest {
    //! nats-server 2.11.
    catga_tests::suite!(crate::site::Nats211);

    mod contract {
        catga_tests::contract!(crate::site::Nats211);
    }
}

mod newest {
    //! The newest.
    catga_tests::suite!(crate::site::Nats215);

    mod contract {
        catga_tests::contract!(crate::site::Nats215);
    }
}
