//! What only label views have.

/// The rules of a label view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRules {
    /// The field that says who gave a label.
    pub labeler_field: String,
    /// Which of several labels counts. Online it is always the last one.
    pub conflict_policy: ConflictPolicy,
    /// The feature view whose entities are labelled; empty where nothing is said.
    pub reference_feature_view: String,
}

/// Which of several labels of one entity counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    /// The last one.
    #[default]
    LastWriteWins,
    /// That of the most trusted labeler.
    LabelerPriority,
    /// The one given most often.
    MajorityVote,
}

impl Default for LabelRules {
    fn default() -> Self {
        Self {
            labeler_field: "labeler".to_owned(),
            conflict_policy: ConflictPolicy::default(),
            reference_feature_view: String::new(),
        }
    }
}

impl ConflictPolicy {
    /// All policies, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::LastWriteWins, Self::LabelerPriority, Self::MajorityVote];

    /// Feast's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LastWriteWins => "LAST_WRITE_WINS",
            Self::LabelerPriority => "LABELER_PRIORITY",
            Self::MajorityVote => "MAJORITY_VOTE",
        }
    }

    /// Feast's number.
    pub fn number(self) -> i32 {
        match self {
            Self::LastWriteWins => 0,
            Self::LabelerPriority => 1,
            Self::MajorityVote => 2,
        }
    }

    /// The policy of a number; the first for one that larder does not know.
    pub fn from_number(number: i32) -> Self {
        Self::ALL.into_iter().find(|policy| policy.number() == number).unwrap_or_default()
    }
}
