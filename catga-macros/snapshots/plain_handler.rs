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
                ::catga::__private::start::<
                    orders::CacheChanged,
                >(|run, cx, message, _| {
                    ::core::result::Result::Ok(
                        run
                            .value(
                                cx,
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
                            ),
                    )
                }),
            )
            .with_broadcast(),
    );
};
