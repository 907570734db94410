"""Run by Tryton's own Python: what a company has before anybody calls.

    python first_records.py CONFIG DATABASE LOGIN=PASSWORD_FILE ...

A currency, a country, the company, our user with the rights that docs/crm/tryton.md grants, and one
without any.
"""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from proteus import Model, config  # noqa: E402

GROUPS = {"switchboard": ["Sales", "Sale Opportunity"], "nobody": []}


def main(config_file: str, database: str, *logins: str) -> None:
    config.set_trytond(database=database, config_file=config_file, user="admin")
    passwords = {login: Path(file).read_text() for login, file in (x.split("=", 1) for x in logins)}
    currency = saved("currency.currency", name="Pound sterling", symbol="£", code="GBP")
    saved("country.country", name="United Kingdom", code="GB")
    house = saved("party.party", name="The House Ltd")
    company = saved("company.company", party=house, currency=currency)
    for login, groups in GROUPS.items():
        user = Model.get("res.user")(name=login, login=login, password=passwords[login])
        user.groups.extend(Model.get("res.group").find([("name", "in", groups)]))
        join(user, company)
    [admin] = Model.get("res.user").find([("login", "=", "admin")])
    join(admin, company)


def saved(model: str, **values: object) -> object:
    record = Model.get(model)(**values)
    record.save()
    return record


def join(user: object, company: object) -> None:
    user.companies.append(Model.get("company.company")(company.id))
    user.company = Model.get("company.company")(company.id)
    user.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
