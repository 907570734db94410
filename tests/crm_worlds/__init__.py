"""The CRMs that the conformance kit (tests/contracts/test_crm_*.py) is run against.

A CRM joins with one file, `tests/crm_worlds/<name>_world.py`, and no other change:

    @asynccontextmanager
    async def _opened(server: MyServer) -> AsyncIterator[MyWorld]:
        await server.empty()                      # nothing of an earlier test is left
        crm, other = MyCrm(...), MyCrm(...)       # one CRM, two processes' views of it
        await crm.open(); await other.open()
        try:
            yield MyWorld(...)                    # world.CrmWorld, or world.HttpCrmWorld
        finally:
            await crm.close(); await other.close()

    WORLDS = (
        WorldKind(
            name="mycrm",
            opened=_opened,
            needs=("my_server",),                 # fixtures of tests/conftest.py, given to `opened`
            proven_by="real server",
            is_http=True,                         # then the faults are run on it too
            gaps={"test_one_key_at_once_from_two_processes_makes_one_lead": "why, in a sentence"},
            rights={"lead": "create Lead"},       # what the world's `take_away` can take, and how
                                                  # `check` must name it
        ),
    )

What the adapter's `capabilities` deny is asked nevertheless, and must raise Unsupported. A gap is
what it ought to do and does not: the test is run and must fail, so that a gap that has closed is
told (strict xfail). Its key is the test's name, or `name[id]` for one of its parameters.
"""
