//! Rust text with blanks, filled with the user's own tokens, so that the compiler's messages point
//! at what the user wrote.

use proc_macro::{Group, TokenStream, TokenTree};

/// Parses `text` and puts tokens in the place of the identifiers that name blanks.
pub(crate) fn fill(text: &str, blanks: &[(String, TokenStream)]) -> TokenStream {
    let tokens: TokenStream = text.parse().expect("the text is written in this crate");
    replace(tokens, blanks)
}

fn replace(tokens: TokenStream, blanks: &[(String, TokenStream)]) -> TokenStream {
    let mut replaced = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                match blanks.iter().find(|(blank, _)| *blank == name) {
                    Some((_, filling)) => replaced.extend(filling.clone()),
                    None => replaced.extend([TokenTree::from(ident)]),
                }
            }
            TokenTree::Group(group) => {
                let mut filled = Group::new(group.delimiter(), replace(group.stream(), blanks));
                filled.set_span(group.span());
                replaced.extend([TokenTree::from(filled)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
