//! Where pushed rows go.

use crate::RequestError;

/// Which stores take pushed rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PushMode {
    /// The online store.
    #[default]
    Online,
    /// The table of the push source's batch source.
    Offline,
    /// Both, the online store first.
    OnlineAndOffline,
}

impl PushMode {
    /// The name on Feast's wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::OnlineAndOffline => "online_and_offline",
        }
    }

    /// The mode of a name on Feast's wire.
    ///
    /// # Errors
    ///
    /// [`RequestError::Other`] with Feast's text.
    pub fn parse(name: &str) -> Result<Self, RequestError> {
        let modes = [Self::Online, Self::Offline, Self::OnlineAndOffline];
        modes.into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
            RequestError::other(format!(
                "{name} is not a supported push format. Please specify one of these ['online', 'offline', \
                 'online_and_offline']."
            ))
        })
    }

    /// Whether the online store takes them.
    pub fn is_online(self) -> bool {
        self != Self::Offline
    }

    /// Whether the batch source takes them.
    pub fn is_offline(self) -> bool {
        self != Self::Online
    }
}
