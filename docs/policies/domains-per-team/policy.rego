# Each team issues under its own domains: the profile says which team asks.
package chancery

domains := {
	"shop": [".shop.acme.com"],
	"payments": [".pay.acme.com", ".checkout.acme.com"],
}

deny contains sprintf("%s: profile %s is not of a team that has domains", [input.action, input.profile.name]) if {
	input.certificate
	not domains[input.profile.name]
}

deny contains sprintf("%s is not under a domain of team %s: %s", [name.value, input.profile.name, concat(", ", domains[input.profile.name])]) if {
	some name in input.certificate.names
	not strings.any_suffix_match(name.value, domains[input.profile.name])
}
