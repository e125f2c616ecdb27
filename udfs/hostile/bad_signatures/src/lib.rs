//! A component whose signatures break a rule: two functions of one name.

use larder_guest::bindings;
use larder_guest::bindings::exports::larder::udf::transformation::{Error, Guest, Signature};
use larder_guest::bindings::larder::udf::arrow::{Batch, Field, TypeNode};

struct Twins;

impl Guest for Twins {
    fn signatures() -> Result<Vec<Signature>, Error> {
        let twin = || Signature {
            name: "twin".to_owned(),
            inputs: vec![],
            outputs: vec![Field { name: "out".to_owned(), nodes: vec![TypeNode::Int64] }],
        };
        Ok(vec![twin(), twin()])
    }

    fn transform(_index: u32, input: Batch) -> Result<Batch, Error> {
        Ok(input)
    }
}

bindings::export!(Twins with_types_in bindings);
