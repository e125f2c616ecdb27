//! Measures of distance between vectors: smaller is nearer.

use larder_core::RequestError;

/// A measure of distance between vectors of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// The length of the difference; Feast's default.
    #[default]
    L2,
    /// One minus the cosine of the angle; 1 where a vector has no direction.
    Cosine,
    /// The negative inner product.
    InnerProduct,
}

impl Metric {
    /// Reads a name that one of Feast's stores has for a measure; an empty one means the default.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for any other name.
    pub fn parse(name: &str) -> Result<Self, RequestError> {
        match name.to_ascii_lowercase().as_str() {
            "" | "l2" | "euclidean" => Ok(Self::L2),
            "cosine" => Ok(Self::Cosine),
            "dot" | "ip" | "inner_product" | "inner product" => Ok(Self::InnerProduct),
            _ => Err(RequestError::other(format!(
                "distance metric `{name}` is unknown; use `L2`, `cosine` or `inner_product`"
            ))),
        }
    }

    /// The distance of two vectors of one length.
    pub(crate) fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        let sum = |term: fn(f64, f64) -> f64| -> f64 {
            a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
        };
        let product = |a: f64, b: f64| a * b;
        match self {
            Self::L2 => sum(|a, b| (a - b) * (a - b)).sqrt(),
            Self::InnerProduct => -sum(product),
            Self::Cosine => {
                let lengths = sum(|a, _| a * a).sqrt() * sum(|_, b| b * b).sqrt();
                if lengths > 0.0 { 1.0 - sum(product) / lengths } else { 1.0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        let (a, b) = ([3.0, 0.0], [0.0, 4.0]);
        assert!((Metric::L2.distance(&a, &b) - 5.0).abs() < 1e-12);
        assert!((Metric::Cosine.distance(&a, &b) - 1.0).abs() < 1e-12);
        assert!((Metric::Cosine.distance(&a, &[6.0, 0.0])).abs() < 1e-12);
        assert!((Metric::InnerProduct.distance(&a, &[2.0, 9.0]) + 6.0).abs() < 1e-12);
        assert!((Metric::Cosine.distance(&a, &[0.0, 0.0]) - 1.0).abs() < 1e-12);
    }
}
