//! Lineage: what later acts rest upon, each made by one event.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal)*) => {
        /// A kind of thing that an event made, or took back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LineageKind { $($(#[$doc])* $name),* }

        impl LineageKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The name used in columns.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
            /// The kind with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
            }
        }
    };
}

kinds! {
    /// A version of a profile, by the profile's name.
    Profile = "profile"
    /// An authority's certificate, by the authority's id.
    Issuer = "issuer"
    /// A version of a signer's profile, by the signer's id.
    SigningProfile = "signing-profile"
    /// A version of a signer's key and chain, by the signer's id.
    SignerKey = "signer-key"
    /// A certificate's revocation, by the certificate's id.
    Revocation = "revocation"
    /// A signature's withdrawal, by the signature's id.
    Withdrawal = "withdrawal"
    /// A version of a document, by the document's id.
    DocumentVersion = "document-version"
    /// The removal of signatures past their retention, by the signature's id.
    Disposal = "disposal"
}
