//! The attribute of `larder-guest`; use it from there.
//!
//! Written over plain tokens, without a parser crate: it reads one function's head, and guests build
//! in seconds on a fresh machine.

mod function_head;
mod template;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use crate::function_head::FunctionHead;
use crate::template::fill;

/// Makes a function over arrays a transformation. See `larder_guest::on_demand_feature_view`.
#[proc_macro_attribute]
pub fn on_demand_feature_view(attribute: TokenStream, item: TokenStream) -> TokenStream {
    // A qualified input, `view__feature`, is no snake case.
    let allowed = fill("#[allow(non_snake_case, reason = \"arguments are named after columns\")]", &[]);
    let added = expand(attribute, &item).unwrap_or_else(MacroError::into_tokens);
    [allowed, item, added].into_iter().collect()
}

/// A mistake of the user, at the place where it was made.
struct MacroError {
    span: Span,
    message: String,
}

impl MacroError {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// `compile_error! { "message" }`
    fn into_tokens(self) -> TokenStream {
        let mut message = Literal::string(&self.message);
        message.set_span(self.span);
        let mut bang = Punct::new('!', Spacing::Alone);
        bang.set_span(self.span);
        let mut body = Group::new(Delimiter::Brace, TokenTree::from(message).into());
        body.set_span(self.span);
        let name = Ident::new("compile_error", self.span);
        [TokenTree::from(name), bang.into(), body.into()].into_iter().collect()
    }
}

fn expand(attribute: TokenStream, item: &TokenStream) -> Result<TokenStream, MacroError> {
    let head = FunctionHead::parse(item.clone())?;
    let name = plain(&head.name);
    let outputs = match output_names(attribute)? {
        Some(outputs) => outputs,
        None => vec![name.clone()],
    };
    let arguments: String = head
        .arguments
        .iter()
        .map(|argument| format!("columns.argument({:?}).map_err(error)?,", plain(&argument.name)))
        .collect();
    let inputs: String = (0..head.arguments.len())
        .zip(&head.arguments)
        .map(|(index, argument)| format!("input::<__TYPE_{index}>({:?}),", plain(&argument.name)))
        .collect();
    let names: String = outputs.iter().map(|name| format!("{name:?},")).collect();
    let count = outputs.len();
    let implementation = format!(
        "#[doc(hidden)] #[allow(non_camel_case_types, reason = \"named after the function\")] \
         #[derive(Debug)] __VISIBILITY enum __NAME {{}} \
         const _: () = {{ \
             use ::larder_guest::__private::{{Batch, Columns, Error, Signature, batch, error, input, outputs}}; \
             assert!( \
                 <__OUTPUT as ::larder_guest::Outputs>::COUNT == {count}, \
                 \"`{name}` does not return as many arrays as `outputs(…)` has names ({count})\" \
             ); \
             impl ::larder_guest::OnDemandFunction for __NAME {{ \
                 fn signature() -> Signature {{ \
                     Signature {{ \
                         name: {name:?}.to_owned(), \
                         inputs: vec![{inputs}], \
                         outputs: outputs::<__OUTPUT>(&[{names}]), \
                     }} \
                 }} \
                 fn call(input: Batch) -> ::core::result::Result<Batch, Error> {{ \
                     let mut columns = Columns::new(input); \
                     let rows = columns.rows(); \
                     batch(__NAME({arguments}), rows) \
                 }} \
             }} \
         }};"
    );
    let mut blanks = vec![
        ("__VISIBILITY".to_owned(), head.visibility),
        ("__NAME".to_owned(), TokenTree::from(head.name).into()),
        ("__OUTPUT".to_owned(), head.output),
    ];
    for (index, argument) in head.arguments.into_iter().enumerate() {
        blanks.push((format!("__TYPE_{index}"), argument.argument_type));
    }
    Ok(fill(&implementation, &blanks))
}

/// The names in `outputs(a, "b")`, or `None` where the attribute is empty.
fn output_names(attribute: TokenStream) -> Result<Option<Vec<String>>, MacroError> {
    const USAGE: &str = "expected `outputs(name, …)`";
    let mut tokens = attribute.into_iter();
    let Some(first) = tokens.next() else { return Ok(None) };
    if first.to_string() != "outputs" {
        return Err(MacroError::new(first.span(), USAGE));
    }
    let names = match tokens.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => group,
        _ => return Err(MacroError::new(first.span(), USAGE)),
    };
    if let Some(rest) = tokens.next() {
        return Err(MacroError::new(rest.span(), "nothing may follow `outputs(…)`"));
    }
    let mut outputs = Vec::new();
    let mut comma_is_due = false;
    for token in names.stream() {
        let name = match &token {
            TokenTree::Punct(punct) if comma_is_due && punct.as_char() == ',' => None,
            TokenTree::Ident(ident) if !comma_is_due => Some(plain(ident)),
            TokenTree::Literal(literal) if !comma_is_due => Some(text(literal)?),
            _ => return Err(MacroError::new(token.span(), "expected names, separated by commas")),
        };
        comma_is_due = name.is_some();
        if let Some(name) = name {
            if outputs.contains(&name) {
                return Err(MacroError::new(token.span(), format!("`{name}` is named twice")));
            }
            outputs.push(name);
        }
    }
    if outputs.is_empty() {
        return Err(MacroError::new(names.span(), "a transformation has at least one output"));
    }
    Ok(Some(outputs))
}

/// A name without the `r#` of raw identifiers.
fn plain(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

/// The text of a plain string literal.
fn text(literal: &Literal) -> Result<String, MacroError> {
    let written = literal.to_string();
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if !text.contains('\\') && !text.is_empty() => Ok(text.to_owned()),
        _ => Err(MacroError::new(literal.span(), "expected a name, or a name in plain quotes")),
    }
}
