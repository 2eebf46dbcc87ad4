const _: () = {
    use ::orders as _;
    ::catga::__private::submit(
        ::catga::__private::UsedCrate::new(
            "orders",
            "orders",
            ::catga::__private::Origin::new(
                ::core::file!(),
                ::core::line!(),
                ::core::module_path!(),
                "catga-macros",
            ),
        ),
    );
};
const _: () = {
    use ::bus as _;
    ::catga::__private::submit(
        ::catga::__private::UsedCrate::new(
            "shop_billing",
            "bus",
            ::catga::__private::Origin::new(
                ::core::file!(),
                ::core::line!(),
                ::core::module_path!(),
                "catga-macros",
            ),
        ),
    );
};
