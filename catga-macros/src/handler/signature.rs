use proc_macro2::Ident;
use syn::{Attribute, FnArg, ReturnType, Signature, Type};

use super::function::Function;
use crate::attribute::Errors;

/// A function that can be a handler.
pub(crate) struct Handler<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) cfgs: Vec<&'a Attribute>,
    pub(crate) is_async: bool,
    pub(crate) message: &'a Type,
    pub(crate) parameters: Vec<&'a Type>,
    /// `None` for `()` that is not written.
    pub(crate) returns: Option<&'a Type>,
}

impl<'a> Handler<'a> {
    /// Checks everything that the signature alone shows; `None` where a mistake was found.
    pub(crate) fn check(function: &'a Function, errors: &mut Errors) -> Option<Self> {
        let signature = &function.signature;
        if let Some(receiver) = signature.receiver() {
            errors.at(
                receiver,
                "a handler is a free function: take what it works on as `State<T>`",
            );
            return None;
        }
        let qualifiers = check_qualifiers(signature, errors);
        let generics = check_generics(signature, errors);
        let parameters = check_parameters(signature, errors);
        let returns = check_return(signature, errors);
        qualifiers?;
        generics?;
        let mut types = parameters?.into_iter();
        Some(Self {
            ident: &signature.ident,
            cfgs: function
                .attributes
                .iter()
                .filter(|attribute| attribute.path().is_ident("cfg"))
                .collect(),
            is_async: signature.asyncness.is_some(),
            message: types.next()?,
            parameters: types.collect(),
            returns: returns?,
        })
    }
}

fn check_qualifiers(signature: &Signature, errors: &mut Errors) -> Option<()> {
    if let Some(token) = &signature.unsafety {
        errors.at(
            token,
            "a handler cannot be `unsafe`: the node calls it with any message",
        );
        return None;
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a handler cannot be `extern`: it is called from Rust");
        return None;
    }
    Some(())
}

fn check_generics(signature: &Signature, errors: &mut Errors) -> Option<()> {
    const WHY: &str = "a handler cannot be generic: it is registered once, for one message type";
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, WHY);
        return None;
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, WHY);
        return None;
    }
    Some(())
}

fn check_parameters<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<Vec<&'a Type>> {
    let mut is_valid = true;
    let mut types = Vec::new();
    for (index, parameter) in signature.inputs.iter().enumerate() {
        let FnArg::Typed(parameter) = parameter else {
            continue;
        };
        if let Some(cfg) = parameter
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("cfg"))
        {
            is_valid = false;
            errors.at(
                cfg,
                "`#[cfg]` on a parameter is not seen by the registration: put it on two functions",
            );
        }
        match &*parameter.ty {
            Type::Reference(reference) if index == 0 => {
                is_valid = false;
                errors.at(
                    reference,
                    "a handler owns its message: take it by value, without `&`",
                );
            }
            Type::ImplTrait(argument) => {
                is_valid = false;
                errors.at(argument, "a handler cannot be generic, and `impl Trait` is a type parameter: name the type");
            }
            argument => types.push(argument),
        }
    }
    if signature.inputs.is_empty() {
        is_valid = false;
        errors.push(syn::Error::new(
            signature.paren_token.span.join(),
            "a handler takes its message: add it as the first parameter, by value",
        ));
    }
    is_valid.then_some(types)
}

/// `Some(None)` for no return type.
#[allow(clippy::option_option, reason = "the outer one is whether it is valid")]
fn check_return<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<Option<&'a Type>> {
    match &signature.output {
        ReturnType::Default => Some(None),
        ReturnType::Type(_, returns) => match &**returns {
            Type::ImplTrait(returns) => {
                errors.at(
                    returns,
                    "a handler names what it returns: the response, or a `Result` of it",
                );
                None
            }
            returns => Some(Some(returns)),
        },
    }
}
