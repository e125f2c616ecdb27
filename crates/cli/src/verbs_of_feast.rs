//! Feast's commands and flags that larder does not have: what it has in their place.

/// What to say to somebody who types a command of Feast's that is not here. `words` are the arguments
/// without the program; `None` if they name no such command.
pub(crate) fn instead(words: &[String]) -> Option<String> {
    let verb = Names(words.iter()).next()?;
    let (_, instead) = ABSENT.iter().find(|(name, _)| *name == verb)?;
    Some(format!("larder has no `{verb}`: {instead}"))
}

/// What to say to somebody who gives the certificate of a server as Feast takes it, by `-c`, which names the
/// feature repo here. `words` are the arguments without the program.
pub(crate) fn certificate_flag(words: &[String]) -> Option<String> {
    let servers = ["serve", "serve_offline", "serve_registry", "ui"];
    let after = words.iter().skip_while(|word| !servers.contains(&word.as_str()));
    let server = after.clone().next()?;
    let has = |flags: &[&str]| after.clone().any(|word| flags.contains(&word.as_str()));
    (has(&["-k", "--key"]) && has(&["-c"]) && !has(&["--cert"])).then(|| {
        format!(
            "`-c` names the feature repo here, also after `{server}`; give the certificate by `--cert FILE`"
        )
    })
}

/// Commands of Feast's that are not here, and what is in their place.
const ABSENT: [(&str, &str); 2] = [
    ("serve_lineage", "lineage events are neither sent nor collected; `larder ui` draws what feeds what"),
    (
        "monitor",
        "data quality is not monitored; `larder validate` compares what was served with a dataset, and `larder serve \
         --metrics` tells how fresh views are",
    ),
];

/// The words of a command line that are no flags, nor values of the flags that stand before a command.
struct Names<'a>(std::slice::Iter<'a, String>);

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let word = self.0.next()?.as_str();
            if matches!(word, "-c" | "--chdir" | "-f" | "--feature-store-yaml" | "--log-level") {
                self.0.next()?;
            } else if !word.starts_with('-') {
                return Some(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    fn of(line: &str) -> Option<String> {
        instead(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_that_is_not_here_is_answered_with_what_is() {
        assert!(of("monitor").unwrap().starts_with("larder has no `monitor`: data quality is not"));
        assert!(of("-c repo --log-level debug monitor -p x").unwrap().contains("`monitor`"));
        for line in ["apply", "registry", "registry nope", "nope", "-c monitor apply"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn a_certificate_by_feasts_short_flag_is_answered_with_the_long_one() {
        let of = |line: &str| certificate_flag(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for server in ["serve", "serve_offline", "serve_registry", "ui"] {
            let said = of(&format!("-c repo {server} -k key.pem -c cert.pem")).unwrap();
            assert!(
                said.contains(&format!("after `{server}`; give the certificate by `--cert FILE`")),
                "{said}"
            );
        }
        for line in
            ["-c repo serve -k key.pem", "serve -k key.pem --cert cert.pem -c repo", "-k a -c b apply"]
        {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn no_command_is_said_to_be_absent_that_is_here() {
        let here: Vec<String> =
            Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert!(ABSENT.iter().all(|(name, _)| !here.iter().any(|here| here == name)));
    }
}
