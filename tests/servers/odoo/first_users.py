# Run by `odoo shell` in the new database: the company's country, users and their API keys.
# Prints one line of JSON.
import json

env = globals()["env"]
env.company.write({"country_id": env.ref("base.uk").id, "currency_id": env.ref("base.GBP").id})
groups = [
    env.ref("base.group_user").id,
    env.ref("sales_team.group_sale_salesman_all_leads").id,
]
people = {
    # What docs/crm/odoo.md grants, and no more.
    "switchboard": groups,
    "anna": groups,
    # May log in and see nothing that we need.
    "nobody": [env.ref("base.group_user").id],
}
for login, granted in people.items():
    env["res.users"].create(
        {
            "login": login,
            "name": login.capitalize(),
            "email": f"{login}@example.com",
            "group_ids": [(6, 0, granted)],
        }
    )
users = env["res.users"].search([("login", "in", ["admin", *people])])
# Without an end: the database is kept for as long as the cache is.
keys = {
    user.login: env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "tests", None)
    for user in users
}
env.cr.commit()
print(json.dumps({"keys": keys, "ids": {user.login: user.id for user in users}}))
