//! The offline store from outside, through its trait.

#[cfg(test)]
mod append;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod equals_naive;
#[cfg(test)]
mod file_tables;
#[cfg(test)]
mod support;
