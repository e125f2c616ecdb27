//! Messages on the wire: requests are decoded, replies are bytes already.

use std::marker::PhantomData;

use bytes::{BufMut as _, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// A message that is encoded: what a reply takes from a registry is passed on byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encoded(pub(crate) Bytes);

impl Encoded {
    pub(crate) fn of(message: &impl Message) -> Self {
        Self(message.encode_to_vec().into())
    }
}

/// Decodes requests of type `M`; any bytes that are no such message are refused.
#[derive(Debug)]
pub(crate) struct RequestCodec<M>(PhantomData<M>);

impl<M> Default for RequestCodec<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + Default + Send + 'static> Codec for RequestCodec<M> {
    type Encode = Encoded;
    type Decode = M;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<M> Encoder for RequestCodec<M> {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, item: Encoded, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item.0);
        Ok(())
    }
}

impl<M: Message + Default> Decoder for RequestCodec<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        let refused = |error: prost::DecodeError| {
            Status::invalid_argument(format!("the request is no message of its method: {error}"))
        };
        M::decode(buffer).map(Some).map_err(refused)
    }
}
