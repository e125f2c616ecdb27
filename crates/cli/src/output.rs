//! Data on its way to stdout. Whoever reads it may have seen enough, as in `larder … | head`: then the
//! command ends well and at once, where the standard macros would panic.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _, stdout};

/// Prints like the standard macro of this name.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}

/// Prints like the standard macro of this name.
macro_rules! println {
    () => { $crate::output::print(format_args!("\n")) };
    ($format:literal $($text:tt)*) => {
        $crate::output::print(format_args!("{}\n", format_args!($format $($text)*)))
    };
}

/// Writes to stdout, or ends the process where nobody reads it any more.
pub(crate) fn print(text: Arguments<'_>) {
    let mut stdout = stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: stdout cannot be written: {error}");
            std::process::exit(3);
        }
    }
}
