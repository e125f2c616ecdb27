//! Rows on their way to a client, piece by piece.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use larder_core::RowStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Status;

use super::error::status_of;
use super::type_name::type_name;

/// About how many bytes go out at a time. Small enough to be encoded between two other things.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that lie ready while one goes out.
const PIECES_AHEAD: usize = 2;

/// Encodes rows as they are asked for. `held` is dropped when the last has gone out, and also when the client goes
/// away, or takes none for as long as `patience`.
pub(crate) fn encoded(
    rows: RowStream,
    held: impl Send + 'static,
    patience: Duration,
) -> BoxStream<'static, Result<FlightData, Status>> {
    let pieces = rows.parts.flat_map(|part| match part {
        Ok(part) => stream::iter(pieces(part)).map(Ok).boxed(),
        Err(error) => stream::iter([Err(FlightError::from(status_of(&error)))]).boxed(),
    });
    let messages = FlightDataEncoderBuilder::new()
        .with_schema(rows.schema)
        .with_max_flight_data_size(2 * PIECE_BYTES)
        .build(pieces)
        .map_err(Status::from);
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let sending = tokio::spawn(async move {
        let (_until_the_end, mut messages) = (held, messages);
        while let Some(message) = messages.next().await {
            if !matches!(timeout(patience, sender.send(message)).await, Ok(Ok(()))) {
                return false;
            }
        }
        true
    });
    // The end of the channel is the end of the rows only if the sending came to its end as well.
    stream::unfold((receiver, Some(sending)), |(mut receiver, mut sending)| async {
        let message = match receiver.recv().await {
            Some(message) => Some(message),
            None => match sending.take()?.await {
                Ok(true) => None,
                Ok(false) => Some(Err(Status::deadline_exceeded("the rows were not taken in time"))),
                // The panic hook has printed message and place.
                Err(_panic) => {
                    Some(Err(Status::internal("internal error; the server's log has the details")))
                }
            },
        };
        Some((message?, (receiver, sending)))
    })
    .boxed()
}

/// Columns as a table of names and types, which are called as in `PyArrow`.
pub(crate) fn of_columns(columns: &[(String, DataType)]) -> RowStream {
    let names = StringArray::from_iter_values(columns.iter().map(|(name, _)| name));
    let types = StringArray::from_iter_values(columns.iter().map(|(_, data_type)| type_name(data_type)));
    let columns: [(&str, ArrayRef); 2] = [("name", Arc::new(names)), ("type", Arc::new(types))];
    let rows = RecordBatch::try_from_iter(columns).expect("every column has a name and a type");
    RowStream { schema: rows.schema(), parts: stream::iter([Ok(rows)]).boxed() }
}

fn pieces(part: RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = part.num_rows();
    let row_bytes = bytes_of(&part).div_ceil(rows.max(1)).max(1);
    let at_a_time = (PIECE_BYTES / row_bytes).max(1);
    (0..rows).step_by(at_a_time).map(move |start| part.slice(start, at_a_time.min(rows - start)))
}

/// The bytes of the rows themselves: they may be some of a larger table, which is not counted.
fn bytes_of(rows: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    rows.columns().iter().map(bytes).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn pieces_are_small_and_none_is_lost() {
        let numbers = Arc::new(Int64Array::from_iter_values(0..1_000_000)) as _;
        let whole = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let pieces: Vec<RecordBatch> = pieces(whole.clone()).collect();
        assert!(pieces.len() >= 8 && pieces.iter().all(|piece| piece.num_rows() * 8 <= PIECE_BYTES));
        assert_eq!(arrow::compute::concat_batches(&whole.schema(), &pieces).unwrap(), whole);
        assert_eq!(super::pieces(whole.slice(0, 0)).count(), 0);
        // Some rows of a large table are few all the same.
        assert_eq!(super::pieces(whole.slice(7, 1000)).count(), 1);
    }

    #[tokio::test]
    async fn rows_that_end_before_their_end_end_with_an_error() {
        let numbers = Arc::new(Int64Array::from_iter_values(0..10)) as _;
        let rows = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let of = |parts: BoxStream<'static, larder_core::Result<RecordBatch>>| {
            encoded(RowStream { schema: rows.schema(), parts }, (), Duration::from_millis(50))
        };
        let whole: Vec<_> = of(stream::iter([Ok(rows.clone())]).boxed()).collect().await;
        assert!(whole.len() == 2 && whole.iter().all(Result::is_ok), "columns and rows: {whole:?}");
        let panicking = of(stream::iter([rows.clone()]).map(|_| panic!("a bug")).boxed());
        let panicking: Vec<_> = panicking.collect().await;
        assert_eq!(panicking.last().unwrap().as_ref().unwrap_err().code(), tonic::Code::Internal);
        let (endless, lost) = (rows.clone(), Arc::new(()));
        let parts = stream::repeat_with(move || Ok(endless.clone())).boxed();
        let stream = RowStream { schema: rows.schema(), parts };
        let untaken = encoded(stream, Arc::clone(&lost), Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(Arc::strong_count(&lost), 1, "what it held is free");
        let late: Vec<_> = untaken.collect().await;
        assert_eq!(late.last().unwrap().as_ref().unwrap_err().code(), tonic::Code::DeadlineExceeded);
    }
}
