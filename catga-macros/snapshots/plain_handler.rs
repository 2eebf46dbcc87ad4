fn forget(_: orders::CacheChanged) {}
const _: () = {
    ::catga::__private::submit(
        ::catga::HandlerInfo::new(
                "forget",
                ::catga::__private::Origin::new(
                    ::core::file!(),
                    ::core::line!(),
                    ::core::module_path!(),
                    "catga-macros",
                ),
                const {
                    &::catga::__private::start::<
                        orders::CacheChanged,
                    >(|run, message, _| {
                        run.value(
                            forget(message),
                            |returned| {
                                let fault = ::catga::__private::Returned::of(&returned)
                                    .fault();
                                ::catga::__private::reply::<
                                    orders::CacheChanged,
                                    (),
                                    _,
                                >(returned, fault)
                            },
                        );
                        ::core::result::Result::Ok(())
                    })
                },
            )
            .with_broadcast(),
    );
};
