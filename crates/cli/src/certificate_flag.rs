//! The certificate of a server, which Feast takes by a flag that means another thing here.

/// What to say to somebody who gives the certificate of a server as Feast takes it, by `-c`, which names the
/// feature repo here. `words` are the arguments without the program.
pub(crate) fn certificate_flag(words: &[String]) -> Option<String> {
    let servers = ["serve", "serve_lineage", "serve_offline", "serve_registry", "ui"];
    let after = words.iter().skip_while(|word| !servers.contains(&word.as_str()));
    let server = after.clone().next()?;
    let has = |flags: &[&str]| after.clone().any(|word| flags.contains(&word.as_str()));
    (has(&["-k", "--key"]) && has(&["-c"]) && !has(&["--cert"])).then(|| {
        format!(
            "`-c` names the feature repo here, also after `{server}`; give the certificate by `--cert FILE`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_by_feasts_short_flag_is_answered_with_the_long_one() {
        let of = |line: &str| certificate_flag(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for server in ["serve", "serve_lineage", "serve_offline", "serve_registry", "ui"] {
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
}
