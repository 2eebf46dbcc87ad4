//! The behaviour suite and more over real Redis servers.

mod faults;
mod messenger;
mod records;
mod site;
mod start;
mod tls;

mod oldest {
    //! Redis 7.0.
    catga_tests::suite!(crate::site::Redis70);
}

mod newest {
    //! Redis 8.2.
    catga_tests::suite!(crate::site::Redis82);
}
