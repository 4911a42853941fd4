"""The table from the name of a widget (``shared.kinds``) to the widget that shows a field of that kind."""

from typing import Final

from mobile.widgets.desk import Desk
from mobile.widgets.field import FieldWidget
from mobile.widgets.field_choice import BoolField, ChoiceField, ChoicesField, PeriodField, RefField, UnitField
from mobile.widgets.field_files import ComputedField, FilesField, PhotosField
from mobile.widgets.field_rows import RowsField
from mobile.widgets.field_text import (
    DateField,
    DatetimeField,
    DecimalField,
    GeoField,
    IntField,
    LongField,
    MoneyField,
    TextField,
    UrlField,
)
from shared.field import Field
from shared.kinds import KINDS

__all__ = ["WIDGETS", "build_field"]

WIDGETS: Final[dict[str, type[FieldWidget]]] = {
    "text": TextField,
    "long": LongField,
    "number": IntField,
    "money": MoneyField,
    "decimal": DecimalField,
    "date": DateField,
    "datetime": DatetimeField,
    "choice": ChoiceField,
    "choices": ChoicesField,
    "bool": BoolField,
    "unit": UnitField,
    "ref": RefField,
    "period": PeriodField,
    "rows": RowsField,
    "geo": GeoField,
    "photos": PhotosField,
    "files": FilesField,
    "url": UrlField,
    "flow": ComputedField,
    "figures": ComputedField,
}


def build_field(field: Field, path: str, desk: Desk) -> FieldWidget:
    """Build the widget of a field; what is computed or answered by those above the unit is only shown."""
    kind = ComputedField if field.computed or field.from_above else WIDGETS[KINDS[field.kind].widget]
    return kind(field=field, path=path, desk=desk)
