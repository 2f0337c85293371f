# Programs are signed with keys in hardware, and two security leads agree first.
package chancery

is_code if "code-signing" in input.signature.signer.extended_key_usage

is_code if input.signature.document_type in {"program", "jar"}

deny contains sprintf("signer %s has its key in %s: programs are signed with keys in hardware", [input.signature.signer.name, input.signature.signer.custody]) if {
	is_code
	not input.signature.signer.custody in {"hsm", "kms"}
}

obligations contains {"kind": "require_approval", "count": 2, "roles": ["security-lead"], "within_seconds": 14400} if is_code
