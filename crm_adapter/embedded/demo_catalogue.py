"""What the demo's shop sells: coffee, and everything it takes to make it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Product:
    code: str
    name: str
    category: str
    price: Decimal


#: category: (code, name, price in USD)
_SHELVES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "machines": (
        ("luna-solo", "Luna Solo espresso machine", "389.00"),
        ("luna-duo", "Luna Duo espresso machine", "649.00"),
        ("luna-pro", "Luna Pro espresso machine", "1290.00"),
        ("aria-bean", "Aria bean-to-cup machine", "899.00"),
        ("aria-office", "Aria Office machine", "1890.00"),
        ("pour-kit", "Pour-over starter kit", "79.00"),
        ("moka-6", "Moka pot for six", "42.00"),
    ),
    "grinders": (
        ("grind-hand", "Hand grinder", "69.00"),
        ("grind-home", "Home burr grinder", "179.00"),
        ("grind-flat", "Flat burr grinder", "349.00"),
        ("grind-shop", "Shop grinder", "790.00"),
    ),
    "beans": (
        ("bean-house", "House blend, 1 kg", "24.00"),
        ("bean-dark", "Dark roast, 1 kg", "25.00"),
        ("bean-decaf", "Decaf, 1 kg", "27.00"),
        ("bean-ethiopia", "Ethiopia Guji, 500 g", "19.50"),
        ("bean-kenya", "Kenya Nyeri, 500 g", "21.00"),
        ("bean-colombia", "Colombia Huila, 1 kg", "28.00"),
        ("bean-sumatra", "Sumatra Gayo, 1 kg", "29.00"),
        ("bean-yunnan", "Yunnan Baoshan, 500 g", "20.00"),
        ("bean-office", "Office blend, 5 kg", "99.00"),
    ),
    "tea": (
        ("tea-sencha", "Sencha, 250 g", "18.00"),
        ("tea-oolong", "Tieguanyin oolong, 250 g", "26.00"),
        ("tea-puer", "Aged pu'er cake", "48.00"),
        ("tea-earl", "Earl Grey, 250 g", "14.00"),
        ("tea-mint", "Peppermint, 250 g", "11.00"),
    ),
    "accessories": (
        ("cup-set", "Set of six cups", "48.00"),
        ("jug-milk", "Milk jug", "22.00"),
        ("tamper", "Tamper", "35.00"),
        ("scale", "Brewing scale", "59.00"),
        ("kettle", "Gooseneck kettle", "89.00"),
        ("filter-100", "Paper filters, 100", "6.50"),
        ("frother", "Milk frother", "64.00"),
    ),
    "care": (
        ("care-descale", "Descaler, 1 l", "14.00"),
        ("care-tabs", "Cleaning tablets, 60", "12.50"),
        ("care-water", "Water filter, 3", "32.00"),
        ("care-seals", "Seal kit", "18.00"),
    ),
    "service": (
        ("plan-basic", "Care plan, one year", "89.00"),
        ("plan-plus", "Care plan plus, one year", "169.00"),
        ("visit", "Technician's visit", "120.00"),
        ("barista-day", "Barista training day", "240.00"),
    ),
}

CURRENCY = "USD"
PRODUCTS = tuple(
    Product(code, name, category, Decimal(price))
    for category, shelf in _SHELVES.items()
    for code, name, price in shelf
)
BY_CODE = {product.code: product for product in PRODUCTS}
BY_CATEGORY = {
    category: tuple(product for product in PRODUCTS if product.category == category)
    for category in _SHELVES
}
