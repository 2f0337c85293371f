# What the public internet sees holds 47 days at most: the limit of the CA/Browser Forum's ballot SC-081v3 from March 2029, kept already.
package chancery

longest := 47 * 86400

obligations contains {"kind": "max_validity", "seconds": longest} if input.certificate.public

warn contains "certificates for public names hold 47 days at most: see that they are renewed by themselves" if {
	input.certificate.public
	input.certificate.validity_seconds > longest
}
