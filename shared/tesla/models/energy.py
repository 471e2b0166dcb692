"""Energy sites: the list of products and the answers to commands.

Source: Tesla's Fleet API documentation, energy endpoints, and recorded answers.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from shared.tesla.models.site_info import SiteComponents
from shared.tesla.wire import Integer, Number, WireModel


class Product(WireModel, frozen=True, kw_only=True):
    """One entry of the product list: a car or an energy site, told apart by `energy_site_id`.

    Sites may lack every other field: a replaced Powerwall stays listed without values. The values are copies
    of unknown age; ask ``live_status`` for present ones.
    """

    id: Integer | str | None = None  # number of a car, text of a site
    energy_site_id: Integer | None = None
    resource_type: str | None = None  # battery, solar, wall_connector
    device_type: str | None = None
    site_name: str | None = None
    gateway_id: str | None = None
    asset_site_id: str | None = None
    warp_site_number: str | None = None
    battery_type: str | None = None
    energy_left_wh: Number | None = field(default=None, name="energy_left")
    total_pack_energy_wh: Number | None = field(default=None, name="total_pack_energy")
    percentage_charged: Number | None = None  # 0-100
    battery_power_w: Number | None = field(default=None, name="battery_power")  # positive while discharging
    backup_capable: bool | None = None
    storm_mode_enabled: bool | None = None
    vpp_tour_enabled: bool | None = None
    components: SiteComponents | None = None
    vehicle_id: Integer | None = None
    vin: str | None = None
    display_name: str | None = None
    state: str | None = None
    access_type: str | None = None

    @property
    def is_energy_site(self) -> bool:
        """Whether the entry is an energy site."""
        return self.energy_site_id is not None


class Products(WireModel, frozen=True, kw_only=True):
    """All products of the account."""

    wire_list: ClassVar[bool] = True

    products: tuple[Product, ...] | None = field(default=None, name="response")
    count: Integer | None = None


class CommandAnswer(WireModel, frozen=True, kw_only=True):
    """The body of an accepted energy command. It proves acceptance by Tesla, not action by the site.

    The keys come in lower and in upper case, and one command answers with a bare string: read `status` and
    `text`.
    """

    wire_may_be_empty: ClassVar[bool] = True
    wire_text_field: ClassVar[str | None] = "message"

    code: Integer | None = None
    message: str | None = None
    code_capitalised: Integer | None = field(default=None, name="Code")
    message_capitalised: str | None = field(default=None, name="Message")

    @property
    def status(self) -> int | None:
        """The code inside the body, 201 for an accepted setting; HTTP's own status is 200 then."""
        return self.code if self.code is not None else self.code_capitalised

    @property
    def text(self) -> str | None:
        """The message, in whichever key it came."""
        return self.message if self.message is not None else self.message_capitalised
