"""Tables of CRM products as those products name them, with the columns that people fill in.

SuiteCRM 7.14: its vardefs and install scripts. vtiger 8: schema/DatabaseSchema.xml. Django-CRM: the
models of django-crm-admin 3.1.0. Types are those that SQLite and PostgreSQL have in common; the
products themselves also run on MySQL.
"""

from __future__ import annotations

import re

_PERSON = """id CHAR(36) PRIMARY KEY, date_entered TIMESTAMP, date_modified TIMESTAMP,
  modified_user_id CHAR(36), created_by CHAR(36), description TEXT, deleted SMALLINT DEFAULT 0,
  assigned_user_id CHAR(36), salutation VARCHAR(255), first_name VARCHAR(100),
  last_name VARCHAR(100), title VARCHAR(100), photo VARCHAR(255), department VARCHAR(255),
  do_not_call SMALLINT DEFAULT 0, phone_home VARCHAR(100), phone_mobile VARCHAR(100),
  phone_work VARCHAR(100), phone_other VARCHAR(100), phone_fax VARCHAR(100)"""

SUITECRM = [
    "CREATE TABLE users (id CHAR(36) PRIMARY KEY, user_name VARCHAR(60), deleted SMALLINT)",
    f"CREATE TABLE contacts ({_PERSON}, lead_source VARCHAR(255), reports_to_id CHAR(36))",
    f"""CREATE TABLE leads ({_PERSON}, converted SMALLINT DEFAULT 0, refered_by VARCHAR(100),
      status VARCHAR(100), status_description TEXT, account_name VARCHAR(255),
      contact_id CHAR(36))""",
    """CREATE TABLE accounts (id CHAR(36) PRIMARY KEY, name VARCHAR(150), deleted SMALLINT,
      phone_office VARCHAR(100), phone_alternate VARCHAR(100))""",
    """CREATE TABLE accounts_contacts (id VARCHAR(36) PRIMARY KEY, contact_id VARCHAR(36),
      account_id VARCHAR(36), date_modified TIMESTAMP, deleted SMALLINT DEFAULT 0)""",
    """CREATE TABLE opportunities (id CHAR(36) PRIMARY KEY, name VARCHAR(50), deleted SMALLINT,
      opportunity_type VARCHAR(255), amount DOUBLE PRECISION, amount_usdollar DOUBLE PRECISION,
      currency_id CHAR(36), date_closed DATE, sales_stage VARCHAR(255))""",
    """CREATE TABLE opportunities_contacts (id VARCHAR(36) PRIMARY KEY, contact_id VARCHAR(36),
      opportunity_id VARCHAR(36), contact_role VARCHAR(50), date_modified TIMESTAMP,
      deleted SMALLINT DEFAULT 0)""",
    """CREATE TABLE cases (id CHAR(36) PRIMARY KEY, name VARCHAR(255), date_entered TIMESTAMP,
      deleted SMALLINT, case_number INTEGER, type VARCHAR(100), status VARCHAR(100),
      priority VARCHAR(100), state VARCHAR(100), account_id CHAR(36))""",
    """CREATE TABLE contacts_cases (id VARCHAR(36) PRIMARY KEY, contact_id VARCHAR(36),
      case_id VARCHAR(36), contact_role VARCHAR(50), date_modified TIMESTAMP,
      deleted SMALLINT DEFAULT 0)""",
    "INSERT INTO users VALUES ('u1', 'bob', 0)",
    """INSERT INTO contacts (id, first_name, last_name, phone_work, phone_mobile, deleted,
      assigned_user_id, date_modified) VALUES
      ('c1', 'Ann', 'Lee', '020 7946 0018', '07700 900123', 0, 'u1', '2026-03-01 08:00:00'),
      ('c2', 'Old', 'Lee', '020 7946 0018', NULL, 1, 'u1', '2026-03-01 08:00:00')""",
    """INSERT INTO leads (id, last_name, phone_mobile, deleted, converted, status) VALUES
      ('l1', 'New', '+442079460077', 0, 0, 'New'), ('l2', 'Dead', '+442079460077', 0, 0, 'Dead')""",
    "INSERT INTO accounts (id, name, deleted) VALUES ('a1', 'Kiln & Co', 0), ('a2', 'Gone', 1)",
    """INSERT INTO accounts_contacts (id, contact_id, account_id, deleted) VALUES
      ('ac1', 'c1', 'a1', 0), ('ac2', 'c1', 'a2', 1)""",
    """INSERT INTO opportunities (id, name, deleted, opportunity_type, amount, date_closed,
      sales_stage) VALUES ('o1', 'Kettles', 0, 'New Business', 120.5, '2026-01-05', 'Closed Won'),
      ('o2', 'Pots', 0, 'New Business', 99, '2026-01-06', 'Prospecting')""",
    """INSERT INTO opportunities_contacts (id, contact_id, opportunity_id) VALUES
      ('oc1', 'c1', 'o1'), ('oc2', 'c1', 'o2')""",
    """INSERT INTO cases (id, name, date_entered, deleted, type, state) VALUES
      ('k1', 'Cracked', '2026-02-01 10:00:00', 0, 'Product', 'Open')""",
    "INSERT INTO contacts_cases (id, contact_id, case_id) VALUES ('cc1', 'c1', 'k1')",
]

VTIGER = [
    "CREATE TABLE vtiger_users (id INTEGER PRIMARY KEY, user_name VARCHAR(255))",
    """CREATE TABLE vtiger_crmentity (crmid INTEGER PRIMARY KEY, smcreatorid INTEGER,
      smownerid INTEGER, modifiedby INTEGER, setype VARCHAR(30), description TEXT,
      createdtime TIMESTAMP, modifiedtime TIMESTAMP, deleted INTEGER DEFAULT 0)""",
    """CREATE TABLE vtiger_account (accountid INTEGER PRIMARY KEY, account_no VARCHAR(100),
      accountname VARCHAR(100), phone VARCHAR(30), otherphone VARCHAR(30))""",
    """CREATE TABLE vtiger_contactdetails (contactid INTEGER PRIMARY KEY, contact_no VARCHAR(100),
      accountid INTEGER, salutation VARCHAR(200), firstname VARCHAR(40), lastname VARCHAR(80),
      email VARCHAR(100), phone VARCHAR(50), mobile VARCHAR(50), title VARCHAR(50))""",
    """CREATE TABLE vtiger_contactsubdetails (contactsubscriptionid INTEGER PRIMARY KEY,
      homephone VARCHAR(50), otherphone VARCHAR(50), assistant VARCHAR(30))""",
    """CREATE TABLE vtiger_leaddetails (leadid INTEGER PRIMARY KEY, lead_no VARCHAR(100),
      firstname VARCHAR(40), lastname VARCHAR(80), company VARCHAR(100), converted INTEGER,
      leadstatus VARCHAR(200))""",
    """CREATE TABLE vtiger_leadaddress (leadaddressid INTEGER PRIMARY KEY, phone VARCHAR(50),
      mobile VARCHAR(50), fax VARCHAR(50))""",
    """CREATE TABLE vtiger_invoice (invoiceid INTEGER PRIMARY KEY, subject VARCHAR(100),
      contactid INTEGER, invoicedate DATE, duedate DATE, total NUMERIC(25, 8), accountid INTEGER,
      invoicestatus VARCHAR(200), invoice_no VARCHAR(100), currency_id INTEGER)""",
    """CREATE TABLE vtiger_currency_info (id INTEGER PRIMARY KEY, currency_name VARCHAR(100),
      currency_code VARCHAR(100), currency_symbol VARCHAR(30))""",
    """CREATE TABLE vtiger_salesorder (salesorderid INTEGER PRIMARY KEY, subject VARCHAR(100),
      salesorder_no VARCHAR(100), contactid INTEGER, duedate DATE, total NUMERIC(25, 8),
      accountid INTEGER, sostatus VARCHAR(200), currency_id INTEGER)""",
    """CREATE TABLE vtiger_troubletickets (ticketid INTEGER PRIMARY KEY, ticket_no VARCHAR(100),
      parent_id VARCHAR(100), status VARCHAR(200), category VARCHAR(200), title VARCHAR(255),
      contact_id INTEGER)""",
    "INSERT INTO vtiger_users VALUES (1, 'bob')",
    """INSERT INTO vtiger_crmentity (crmid, smownerid, createdtime, modifiedtime, deleted) VALUES
      (7, 1, '2026-03-01 08:00:00', '2026-03-01 08:00:00', 0),
      (8, 1, '2026-03-01 08:00:00', '2026-03-01 08:00:00', 1),
      (9, 1, '2026-03-01 08:00:00', '2026-03-01 08:00:00', 0),
      (20, 1, '2026-01-05 08:00:00', '2026-03-01 08:00:00', 0),
      (21, 1, '2026-02-01 08:00:00', '2026-03-01 08:00:00', 0),
      (22, 1, '2026-02-02 08:00:00', '2026-03-01 08:00:00', 0)""",
    "INSERT INTO vtiger_account (accountid, accountname) VALUES (3, 'Kiln & Co')",
    """INSERT INTO vtiger_contactdetails (contactid, accountid, firstname, lastname, phone) VALUES
      (7, 3, 'Ann', 'Lee', '020 7946 0018'), (8, 3, 'Old', 'Lee', '020 7946 0018')""",
    "INSERT INTO vtiger_contactsubdetails VALUES (7, '+44 7700 900123', NULL, NULL)",
    "INSERT INTO vtiger_leaddetails (leadid, lastname, converted) VALUES (9, 'New', 0)",
    "INSERT INTO vtiger_leadaddress (leadaddressid, mobile) VALUES (9, '+442079460077')",
    "INSERT INTO vtiger_currency_info VALUES (1, 'Pound', 'GBP', '£')",
    """INSERT INTO vtiger_invoice (invoiceid, subject, contactid, invoicedate, total, invoicestatus,
      currency_id) VALUES (20, 'Kettles', 7, '2026-01-05', 120.5, 'Paid', 1)""",
    """INSERT INTO vtiger_salesorder (salesorderid, subject, salesorder_no, contactid, sostatus,
      currency_id) VALUES (21, 'Pots', 'SO21', 7, 'Approved', 1)""",
    "INSERT INTO vtiger_troubletickets VALUES (22, 'TT1', '', 'Open', 'Product', 'Cracked', 7)",
]

_DJANGO_PERSON = """id INTEGER PRIMARY KEY, creation_date TIMESTAMP, update_date TIMESTAMP,
  owner_id INTEGER, department_id INTEGER, first_name VARCHAR(100), middle_name VARCHAR(100),
  last_name VARCHAR(100), title VARCHAR(100), phone VARCHAR(100), other_phone VARCHAR(100),
  mobile VARCHAR(100), email VARCHAR(200), disqualified BOOLEAN, company_id INTEGER"""

DJANGO_CRM_ADMIN = [
    "CREATE TABLE auth_user (id INTEGER PRIMARY KEY, username VARCHAR(150))",
    "CREATE TABLE crm_company (id INTEGER PRIMARY KEY, full_name VARCHAR(200), phone VARCHAR(100))",
    f"CREATE TABLE crm_contact ({_DJANGO_PERSON})",
    f"CREATE TABLE crm_lead ({_DJANGO_PERSON}, company_name VARCHAR(200), contact_id INTEGER)",
    "CREATE TABLE crm_deal (id INTEGER PRIMARY KEY, name VARCHAR(250), contact_id INTEGER)",
    "CREATE TABLE crm_currency (id INTEGER PRIMARY KEY, name VARCHAR(3))",
    """CREATE TABLE crm_payment (id INTEGER PRIMARY KEY, amount NUMERIC(10, 2), currency_id INTEGER,
      deal_id INTEGER, payment_date DATE, status VARCHAR(1))""",
    "INSERT INTO auth_user VALUES (1, 'bob')",
    "INSERT INTO crm_company VALUES (3, 'Kiln & Co', NULL)",
    """INSERT INTO crm_contact (id, update_date, owner_id, first_name, last_name, phone,
      other_phone, mobile, disqualified, company_id) VALUES
      (7, '2026-03-01 08:00:00', 1, 'Ann', 'Lee', '020 7946 0018', '', '07700 900123', false, 3),
      (8, '2026-03-01 08:00:00', 1, 'Old', 'Lee', '020 7946 0018', '', '', true, 3)""",
    """INSERT INTO crm_lead (id, last_name, mobile, disqualified) VALUES
      (9, 'New', '+442079460077', false)""",
    "INSERT INTO crm_deal VALUES (5, 'Kettles', 7)",
    "INSERT INTO crm_currency VALUES (1, 'GBP')",
    """INSERT INTO crm_payment VALUES (1, 120.50, 1, 5, '2026-01-05', 'r'),
      (2, 99, 1, 5, '2026-02-05', 'g')""",
]


def _with_long_ids(statement: str) -> str:
    """Ids of SuiteCRM have 36 characters; a shorter one would be filled up with blanks."""
    return re.sub(r"'([a-z]{1,2}[0-9])'", lambda found: f"'{found[1]:0<36}'", statement)


TABLES = {
    "suitecrm": [_with_long_ids(one) for one in SUITECRM],
    "vtiger": VTIGER,
    "django-crm-admin": DJANGO_CRM_ADMIN,
}
