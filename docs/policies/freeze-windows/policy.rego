# Nothing new goes out around the holidays, nor from Friday 16:00 to Monday 06:00 UTC; what runs is renewed all the same.
package chancery

freezes := [
	{"from": "2026-12-18T16:00:00Z", "until": "2027-01-04T06:00:00Z", "why": "the holidays"},
	{"from": "2027-03-31T00:00:00Z", "until": "2027-04-02T00:00:00Z", "why": "the end of the quarter"},
]

new_things := {"certificate.issue", "signature.create"}

deny contains sprintf("frozen until %s for %s", [freeze.until, freeze.why]) if {
	input.action in new_things
	some freeze in freezes
	input.time >= freeze.from
	input.time < freeze.until
}

deny contains "frozen from Friday 16:00 to Monday 06:00 UTC" if {
	input.action in new_things
	weekend
}

weekend if input.clock.weekday in {"saturday", "sunday"}

weekend if {
	input.clock.weekday == "friday"
	input.clock.hour >= 16
}

weekend if {
	input.clock.weekday == "monday"
	input.clock.hour < 6
}
