"""Regenerates the orders of the example shop from the public file; same input, same bytes.

Usage: python docs/make_example.py online_retail_2009_2010.parquet

Kept: the lines whose customer is identified. Changed: `Description` gives way to a `Category` derived from its words,
`InvoiceDate` becomes a timestamp and `Customer ID` a whole number. Nothing else is touched, cancellations included.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TARGET = Path(__file__).parents[1] / "src/alamo/examples/shop/orders.parquet"

NOT_A_PRODUCT = re.compile(r"^(?:POST|DOT|M|D|C[23]|ADJUST2?|BANK CHARGES|PADS|TEST\d+|AMAZONFEE|S|B|GIFT.*)$")
CATEGORIES = {
    "christmas": "CHRISTMAS XMAS ADVENT SANTA SNOWFLAKE SNOWMAN REINDEER NOEL BAUBLE",
    "bags": "BAG BAGS SHOPPER HANDBAG PURSE RUCKSACK",
    "candles and lights": "CANDLE CANDLES T-LIGHT T-LIGHTS TLIGHT LIGHT LIGHTS LANTERN LAMP CHANDELIER "
    "CANDLESTICK INCENSE",
    "children": "CHILD CHILDS CHILDREN CHILDRENS GIRL GIRLS BOY BOYS BABY DOLL DOLLY TOY TOYS DINOSAUR "
    "SPACEBOY GAME GAMES JIGSAW PUZZLE SKIPPING PLAYING SOLDIER CIRCUS TRACTOR BUNNY",
    "jewellery": "NECKLACE EARRINGS EARRING BRACELET BROOCH BANGLE CHARM HAIR KEYRING RING",
    "garden": "GARDEN PARASOL UMBRELLA PICNIC PLANT PLANTER WATERING BIRD SHED BUCKET SEED HERB OUTDOOR NESTING",
    "kitchen and table": "CAKE CAKES CASES MUG CUP CUPS TEA TEACUP TEAPOT TEATIME COFFEE BOWL PLATE PLATES "
    "CUTLERY NAPKINS JUG KITCHEN APRON LUNCH DOILIES BAKING EGG JAR SPOON GLASS CAKESTAND "
    "SAUCER TRAY BREAD SUGAR MILK RECIPE OVEN COASTER COASTERS PLACEMATS TOWEL TOWELS "
    "BOTTLE TUMBLER DISH PAN CUTTER CUTTERS PANTRY",
    "party": "PARTY BUNTING BIRTHDAY GARLAND BALLOON BALLOONS FLAG CONFETTI STRAWS",
    "paper and craft": "PAPER CARD CARDS WRAP NOTEBOOK PENCIL PENCILS PEN RIBBON RIBBONS STICKER STICKERS "
    "CRAFT FELTCRAFT KIT TISSUES TISSUE STAMP STAMPS TAPE KNITTING SEWING BOOK GIFTWRAP "
    "ENVELOPE LETTER JOURNAL CHALK",
    "boxes and frames": "BOX BOXES CABINET DRAWER FRAME FRAMES HOLDER STAND HOOK HOOKS HANGER STORAGE BASKET "
    "TIN TINS RACK CLOCK MIRROR SHELF DOORMAT MAT",
    "signs and decoration": "SIGN SIGNS HEART HEARTS DECORATION DECORATIONS HANGING WICKER STAR BLOCK WORD WREATH "
    "FLOWER",
}
"""Category → words of a description that put a product into it; the first that fits wins."""
OTHERWISE, SERVICE = "home", "service"


def category(code: str, description: str) -> str:
    """Return the category of a product."""
    if NOT_A_PRODUCT.match(code.upper()):
        return SERVICE
    words = set(re.split(r"[^A-Z0-9-]+", description.upper()))
    return next((name for name, marks in CATEGORIES.items() if words & set(marks.split())), OTHERWISE)


def trimmed(orders: pa.Table) -> pa.Table:
    """Return the identified lines in the columns of the example."""
    lines = orders.filter(pc.and_(pc.is_valid(orders["Customer ID"]), pc.invert(pc.is_nan(orders["Customer ID"]))))
    seen: dict[str, Counter[str]] = {}
    for code, words in zip(lines["StockCode"].to_pylist(), lines["Description"].to_pylist(), strict=True):
        seen.setdefault(code, Counter())[words or ""] += 1
    # the most frequent description of a product; the alphabet decides between equals
    by_code = {code: category(code, min(words.items(), key=lambda w: (-w[1], w[0]))[0]) for code, words in seen.items()}
    dates = pc.strptime(lines["InvoiceDate"], format="%Y-%m-%d %H:%M:%S", unit="s").cast(pa.timestamp("ms"))
    return pa.table(
        {
            "Invoice": lines["Invoice"],
            "StockCode": lines["StockCode"],
            "Category": pa.array([by_code[code] for code in lines["StockCode"].to_pylist()]),
            "Quantity": lines["Quantity"].cast(pa.int32()),
            "InvoiceDate": dates,
            "Price": lines["Price"],
            "Customer ID": lines["Customer ID"].cast(pa.int32()),
            "Country": lines["Country"],
        }
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    orders = trimmed(pq.read_table(sys.argv[1]))
    pq.write_table(orders, TARGET, compression="zstd", compression_level=19, row_group_size=1 << 20)
    customers = len(pc.unique(orders["Customer ID"]))
    print(f"{TARGET.name}: {orders.num_rows:,} lines, {customers:,} customers, {TARGET.stat().st_size:,} bytes")
    for entry in sorted(pc.value_counts(orders["Category"]).to_pylist(), key=lambda e: -e["counts"]):
        print(f"  {entry['values']:<20} {entry['counts']:>8,}")


if __name__ == "__main__":
    main()
