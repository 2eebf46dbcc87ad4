//! The behaviour suite and more over real NATS servers.

mod messenger;
mod outages;
mod records;
mod site;
mod starting;
mod tls;

mod oldest {
    //! nats-server 2.11.
    catga_tests::suite!(crate::site::Nats211);
}

mod newest {
    //! The newest.
    catga_tests::suite!(crate::site::Nats215);
}
