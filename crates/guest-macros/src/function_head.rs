//! Reading the head of a function.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::MacroError;

/// What the attribute has to know of a function.
pub(crate) struct FunctionHead {
    /// `pub`, `pub(crate)` or nothing.
    pub(crate) visibility: TokenStream,
    pub(crate) name: Ident,
    pub(crate) arguments: Vec<Argument>,
    /// The type after `->`.
    pub(crate) output: TokenStream,
}

/// `name: type`
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) argument_type: TokenStream,
}

impl FunctionHead {
    pub(crate) fn parse(item: TokenStream) -> Result<Self, MacroError> {
        let mut tokens = item.into_iter().peekable();
        let mut visibility = TokenStream::new();
        loop {
            let Some(token) = tokens.next() else {
                return Err(MacroError::new(Span::call_site(), "expected a function"));
            };
            match &token {
                // An attribute or a doc comment: `#` and its brackets.
                TokenTree::Punct(punct) if punct.as_char() == '#' => drop(tokens.next()),
                TokenTree::Ident(ident) if ident.to_string() == "pub" => {
                    visibility.extend([token]);
                    let restricted = tokens.next_if(|next| is_group(next, Delimiter::Parenthesis));
                    visibility.extend(restricted);
                }
                TokenTree::Ident(ident) if ident.to_string() == "fn" => break,
                _ => {
                    let message = "expected a plain function: no `async`, `const`, `unsafe` or `extern`";
                    return Err(MacroError::new(token.span(), message));
                }
            }
        }
        let name = match tokens.next() {
            Some(TokenTree::Ident(name)) => name,
            other => return Err(at(other, "expected the name of the function")),
        };
        let arguments = match tokens.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                arguments(&group)?
            }
            other => return Err(at(other, "a transformation has no type parameters")),
        };
        let mut output: Vec<TokenTree> = tokens.collect();
        let body = output.pop().filter(|last| is_group(last, Delimiter::Brace));
        let arrow: String = output.iter().take(2).map(ToString::to_string).collect();
        if body.is_none() || arrow != "->" {
            return Err(MacroError::new(
                name.span(),
                "a transformation returns an array or a tuple of arrays",
            ));
        }
        Ok(Self { visibility, name, arguments, output: output.into_iter().skip(2).collect() })
    }
}

fn arguments(group: &Group) -> Result<Vec<Argument>, MacroError> {
    let mut arguments = Vec::new();
    let mut tokens = group.stream().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let name = match token {
            TokenTree::Ident(ident) if ident.to_string() == "mut" => match tokens.next() {
                Some(TokenTree::Ident(name)) => name,
                other => return Err(at(other, "expected the name of an argument")),
            },
            TokenTree::Ident(name) if name.to_string() != "self" => name,
            other => {
                return Err(MacroError::new(
                    other.span(),
                    "expected `name: array`; the name is the input column",
                ));
            }
        };
        if !matches!(tokens.next(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':') {
            return Err(MacroError::new(name.span(), "expected `name: array`; the name is the input column"));
        }
        let mut depth = 0_usize;
        let mut argument_type = TokenStream::new();
        for token in tokens.by_ref() {
            if let TokenTree::Punct(punct) = &token {
                match punct.as_char() {
                    ',' if depth == 0 => break,
                    '<' => depth += 1,
                    '>' => depth = depth.saturating_sub(1),
                    '&' => {
                        return Err(MacroError::new(punct.span(), "arrays are taken by value, without `&`"));
                    }
                    _ => {}
                }
            }
            argument_type.extend([token]);
        }
        arguments.push(Argument { name, argument_type });
    }
    Ok(arguments)
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

fn at(token: Option<TokenTree>, message: &str) -> MacroError {
    MacroError::new(token.map_or_else(Span::call_site, |token| token.span()), message)
}
