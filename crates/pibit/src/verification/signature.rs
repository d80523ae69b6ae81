//! A detached signature, as `minisign -S -m FILE` makes it: who published a file, which checksums in it cannot tell.

use super::finding::{Finding, Severity};
use anyhow::{Context as _, Result};
use minisign_verify::PublicKey;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Whose signature is wanted, and where it is.
pub(crate) struct Signer {
    key: PublicKey,
    signature: PathBuf,
}

/// What a signature says.
#[derive(Debug, Serialize)]
pub(crate) struct Signature {
    file: String,
    valid: bool,
    /// What the signer wrote, which is signed, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Signer {
    /// `key` is minisign's public key in Base64, or a file with it. The signature lies beside the file where no other
    /// path is given.
    pub(crate) fn new(key: &str, signature: Option<&Path>, file: &Path) -> Result<Self> {
        let key = match PublicKey::from_base64(key) {
            Ok(key) => key,
            Err(_) => PublicKey::from_file(key)
                .with_context(|| format!("{key:?} is neither a minisign public key nor a file with one"))?,
        };
        let beside = || PathBuf::from(format!("{}.minisig", file.display()));
        Ok(Self { key, signature: signature.map_or_else(beside, Path::to_owned) })
    }

    /// Checks the signature of `bytes`. Anything wrong with it is a finding, not an error.
    pub(crate) fn check(&self, bytes: &[u8]) -> Signature {
        let file = self.signature.display().to_string();
        let checked = minisign_verify::Signature::from_file(&self.signature).and_then(|signature| {
            // Legacy signatures sign the file itself instead of its hash; minisign makes none any more.
            self.key.verify(bytes, &signature, false).map(|()| signature.trusted_comment().to_owned())
        });
        match checked {
            Ok(comment) => Signature { file, valid: true, comment: Some(comment), reason: None },
            Err(error) => Signature { file, valid: false, comment: None, reason: Some(error.to_string()) },
        }
    }
}

impl Signature {
    pub(super) fn finding(&self) -> Finding {
        match (&self.comment, &self.reason) {
            (Some(comment), _) => Finding::new(Severity::Info, "signature", format!("signed: {comment}")),
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                Finding::critical("signature", format!("{} is no valid signature: {reason}", self.file))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and signature of minisign's author, from the documentation of minisign-verify.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
        wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

    #[test]
    fn a_signature_is_of_these_bytes_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test");
        std::fs::write(folder.path().join("test.minisig"), SIGNATURE).unwrap();
        let signer = Signer::new(KEY, None, &file).unwrap();
        let signature = signer.check(b"test");
        assert!(
            signature.valid && signature.comment.as_ref().unwrap().contains("file:test"),
            "{signature:?}"
        );
        assert_eq!(signature.finding().severity, Severity::Info);
        for wrong in [&b"Test"[..], b"test ", b""] {
            assert_eq!(signer.check(wrong).finding().severity, Severity::Critical);
        }
        let absent = Signer::new(KEY, Some(&folder.path().join("absent")), &file).unwrap();
        assert_eq!(absent.check(b"test").finding().severity, Severity::Critical);
        assert!(Signer::new("nonsense", None, &file).is_err());
    }
}
