use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{LitStr, parenthesized};

use crate::attribute::{
    CratePath, Errors, Options, parse_duration, parse_positive, parse_text, take_to_comma,
};

const OPTIONS: Options = Options {
    attribute: "#[handler]",
    known: &[
        "concurrency",
        "retry",
        "broadcast",
        "topic",
        "serial",
        "dedup",
        "crate",
    ],
    unnamed: None,
    refused: &[],
};

const RETRY: Options = Options {
    attribute: "retry(..)",
    known: &["max", "after", "cap"],
    unnamed: Some("after"),
    refused: &[],
};

/// What stands in the parentheses of `#[handler]`.
pub(crate) struct HandlerOptions {
    pub(crate) catga: CratePath,
    pub(crate) concurrency: Option<usize>,
    pub(crate) retry: Option<Retry>,
    pub(crate) broadcast: bool,
    pub(crate) topic: Option<LitStr>,
    pub(crate) serial: bool,
    pub(crate) dedup_ms: Option<u64>,
}

/// `retry(max = 8, after = "200ms", cap = "30s")`: what of it is written.
#[derive(Default)]
pub(crate) struct Retry {
    pub(crate) max: Option<u32>,
    pub(crate) after_ms: Option<u64>,
    pub(crate) cap_ms: Option<u64>,
}

impl HandlerOptions {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self {
            catga: CratePath::default(),
            concurrency: None,
            retry: None,
            broadcast: false,
            topic: None,
            serial: false,
            dedup_ms: None,
        };
        let mut durable: Vec<Ident> = Vec::new();
        OPTIONS.read(tokens, errors, |option, ident, input, errors| {
            match option {
                "concurrency" => options.concurrency = Some(parse_positive(input)? as usize),
                "retry" => {
                    durable.push(ident.clone());
                    options.retry = Some(Retry::parse(ident, input, errors)?);
                }
                "serial" => {
                    durable.push(ident.clone());
                    options.serial = true;
                }
                "dedup" => {
                    durable.push(ident.clone());
                    options.dedup_ms = Some(parse_duration(option, input)?.millis);
                }
                "broadcast" => options.broadcast = true,
                "topic" => options.topic = Some(parse_pattern(parse_text(option, input)?)?),
                _ => options.catga = CratePath::parse(input, errors)?,
            }
            Ok(())
        });
        if let Some(topic) = options.topic.as_ref().filter(|_| !options.broadcast) {
            errors.at(
                topic,
                "a handler takes the events of a topic from broadcasts: write `broadcast, topic = \"..\"`",
            );
        }
        for ident in durable.iter().filter(|_| options.broadcast) {
            errors.at(
                ident,
                format!(
                    "a broadcast event is delivered at most once and waits in no lane: `{ident}` has no meaning for it"
                ),
            );
        }
        options
    }
}

/// The same as `catga::routing::TopicPattern` takes.
fn parse_pattern(literal: LitStr) -> syn::Result<LitStr> {
    let text = literal.value();
    let last = text.split('.').count() - 1;
    let is_segment = |(at, segment): (usize, &str)| match segment {
        "*" => true,
        ">" => at == last,
        _ => {
            let divides = |letter: char| {
                matches!(letter, '*' | '>') || letter.is_whitespace() || letter.is_control()
            };
            !segment.is_empty() && !segment.contains(divides)
        }
    };
    if text.split('.').enumerate().all(is_segment) {
        return Ok(literal);
    }
    Err(syn::Error::new_spanned(
        &literal,
        format!(
            "`{text}` is not a pattern of topics: between the dots stands a text, `*` for any one segment, or at the end `>` for all that follow"
        ),
    ))
}

impl Retry {
    fn parse(ident: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        let mut retry = Self::default();
        if !input.peek(syn::token::Paren) {
            let text = match parse_positive(input) {
                Ok(max) => format!("say what the number is: `retry(max = {max})`"),
                Err(_) => "say how to retry: `retry(max = 5, after = \"200ms\", cap = \"30s\")`, or some of it".to_owned(),
            };
            errors.at(ident, text);
            take_to_comma(input)?;
            return Ok(retry);
        }
        let inner;
        parenthesized!(inner in input);
        let tokens: TokenStream = inner.parse()?;
        if tokens.is_empty() {
            errors.at(
                ident,
                "an empty `retry()` says nothing: give `max`, `after` or `cap`",
            );
        }
        let mut cap: Option<LitStr> = None;
        RETRY.read(tokens, errors, |option, _, input, _| {
            match option {
                "max" => retry.max = Some(parse_positive(input)?),
                "after" => retry.after_ms = Some(parse_duration(option, input)?.millis),
                _ => {
                    let duration = parse_duration(option, input)?;
                    retry.cap_ms = Some(duration.millis);
                    cap = Some(duration.literal);
                }
            }
            Ok(())
        });
        if let Some(cap) = cap.filter(|_| retry.cap_ms < retry.after_ms) {
            errors.at(
                cap,
                "the longest wait is shorter than the first one, `after`",
            );
        }
        Ok(retry)
    }
}
