//! The states that a view goes through.

/// How far the values of a view have come. larder shows and sets it; it never keeps anybody from reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FeatureViewState {
    /// Nothing is said: every view that was only applied.
    #[default]
    Unspecified,
    /// It is defined.
    Created,
    /// Its history has been made.
    Generated,
    /// Its newest values are being written online.
    Materializing,
    /// Its newest values can be read online.
    AvailableOnline,
}

impl FeatureViewState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Unspecified, Self::Created, Self::Generated, Self::Materializing, Self::AvailableOnline];

    /// Feast's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "STATE_UNSPECIFIED",
            Self::Created => "CREATED",
            Self::Generated => "GENERATED",
            Self::Materializing => "MATERIALIZING",
            Self::AvailableOnline => "AVAILABLE_ONLINE",
        }
    }

    /// Feast's number.
    pub fn number(self) -> i32 {
        match self {
            Self::Unspecified => 0,
            Self::Created => 1,
            Self::Generated => 2,
            Self::Materializing => 3,
            Self::AvailableOnline => 4,
        }
    }

    /// The state of a number; one that larder does not know says nothing, as in Feast.
    pub fn from_number(number: i32) -> Self {
        Self::ALL.into_iter().find(|state| state.number() == number).unwrap_or_default()
    }

    /// The state of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }

    /// Whether Feast lets a view go from this state to `target`.
    pub fn can_become(self, target: Self) -> bool {
        matches!(
            (self, target),
            (Self::Unspecified, Self::Created)
                | (Self::Created, Self::Generated)
                | (Self::Generated | Self::AvailableOnline, Self::Materializing)
                | (Self::Materializing, Self::AvailableOnline | Self::Generated)
        )
    }
}
