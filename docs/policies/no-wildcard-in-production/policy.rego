# In production each name stands for one host. Production is a tenant that the operator marks so, or a profile called prod-….
package chancery

production if input.tenant.environment == "production"

production if startswith(input.profile.name, "prod-")

deny contains sprintf("%s: no wildcards in production", [name.value]) if {
	production
	some name in input.certificate.names
	name.wildcard
}

warn contains "wildcards are not allowed in production: ask for each host by its name there" if {
	input.certificate.wildcard
	not production
}
