//! The behaviour suite, the transport contract and more over real Redis servers.

mod cluster;
mod faults;
mod messenger;
mod pair;
mod queues;
mod records;
mod shop;
mod site;
mod start;
mod tls;

mod oldest {
    //! Redis 7.0.
    catga_tests::suite!(crate::site::Redis70);

    mod contract {
        catga_tests::contract!(crate::site::Redis70);
    }
}

mod newest {
    //! Redis 8.2.
    catga_tests::suite!(crate::site::Redis82);

    mod contract {
        catga_tests::contract!(crate::site::Redis82);
    }
}

mod clustered {
    //! Redis Cluster 7.0, of three primaries.
    catga_tests::suite!(crate::site::Clustered);

    mod contract {
        catga_tests::contract!(crate::site::Clustered);
    }
}
