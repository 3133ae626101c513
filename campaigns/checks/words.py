"""What the checks found, in words: a sentence per code, and the names of what was looked at."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.checks.links import Note
from campaigns.checks.sender import Finding

KEYS = {
    "domain": _("Domain"),
    "spf": _("Who may send (SPF)"),
    "dkim": _("Signature (DKIM)"),
    "dmarc": _("What to do with forged mail (DMARC)"),
    "alignment": _("Proof of the sender readers see (alignment)"),
    "mx": _("Mail back to us (MX)"),
    "leaving": _("Leaving by one click"),
}
VERDICTS = {
    "good": pgettext_lazy("check", "In order"),
    "warn": pgettext_lazy("check", "Could be better"),
    "bad": pgettext_lazy("check", "Fails"),
    "unknown": pgettext_lazy("check", "Cannot tell"),
}
TONES = {"good": "good", "warn": "warn", "bad": "bad", "unknown": "neutral"}
SENTENCES = {
    "reserved": _(
        "%(about)s is a name for examples: nobody can send from it. Set KOHDE_FROM_EMAIL to an address of your "
        "own domain."
    ),
    "no_such_domain": _("There is no domain %(about)s in the DNS. Receivers refuse mail from it."),
    "spf_missing": _("%(about)s does not say who may send for it. Receivers doubt such mail or refuse it."),
    "spf_twice": _("%(about)s has more than one SPF record. Receivers then read none: publish one in their place."),
    "spf_broken": _(
        "The record includes %(about)s, which has no record of its own. Receivers then read none of it: take that"
        " word out."
    ),
    "spf_too_long": _(
        "Reading the record takes %(about)s look-ups and receivers stop at 10. Take out services you no longer use."
    ),
    "spf_everybody": _("The record lets everybody send for you, forgers too."),
    "spf_without_us": _("The record does not name %(about)s, by which our mail leaves."),
    "spf_open": _("The record names who may send, but says nothing of all others. Let it end with ~all."),
    "spf_good": _("The record names our server, and asks to doubt all others."),
    "spf_unseen": _(
        "There is a valid record. Whether it names the addresses our server sends from cannot be seen from here."
    ),
    "dkim_missing": _(
        "There is no key under the name %(about)s. Publish the one your mail server or provider shows you."
    ),
    "dkim_unknown": _(
        "No key stands under the usual names. If your mail is signed, write below under which name (selector) its"
        " key stands."
    ),
    "dkim_revoked": _("The key under the name %(about)s was taken back: its place is empty."),
    "dkim_damaged": _("The key under the name %(about)s cannot be read: something was lost when it was pasted."),
    "dkim_testing": _("The key under the name %(about)s is marked as a test (t=y): receivers may ignore it."),
    "dkim_short": _("The key under the name %(about)s is shorter than 1,024 bits. Receivers do not count it."),
    "dkim_1024": _("The key under the name %(about)s has 1,024 bits. It counts; 2,048 are asked for today."),
    "dkim_good": _(
        "A key stands under the name %(about)s. The signature has to cover List-Unsubscribe and List-Unsubscribe-"
        "Post too."
    ),
    "dmarc_missing": _(
        "Nothing is said about forged mail. Gmail, Yahoo and Outlook ask for it of whoever writes to many."
    ),
    "dmarc_twice": _("%(about)s has more than one DMARC record. Receivers then read none: keep one."),
    "dmarc_damaged": _("The record of %(about)s says nothing that receivers understand (p= is missing or unknown)."),
    "dmarc_none": _("Receivers are asked to report only (p=none). That is enough to begin with."),
    "dmarc_good": _("Receivers are asked to act on forged mail (p=%(about)s)."),
    "by_both": _("Both count for the sender readers see."),
    "by_spf": _("SPF counts for it. A signature as well would survive forwarding."),
    "by_dkim": _("The signature counts for it."),
    "by_none": _(
        "Nothing that is known from here proves the sender readers see: SPF is about %(about)s or not in order, "
        "and no key was found."
    ),
    "mx_null": _("%(about)s says that it takes no mail. Receivers refuse mail that nobody can reply to."),
    "mx_good": _("Replies and bounces find their way back."),
    "mx_implied": _(
        "%(about)s names no mail server; replies and bounces go to its web address, which may not take them."
    ),
    "mx_missing": _("%(about)s can take no mail. Receivers refuse mail that nobody can reply to."),
    "one_click": _("Mail programs can offer their own button to leave (RFC 8058)."),
    "not_secure": _(
        "The addresses in our letters do not begin with https, so mail programs cannot offer their button to "
        "leave. Set KOHDE_BASE_URL."
    ),
}


def sentence(finding: Finding) -> str:
    """A finding in one sentence or two."""
    return str(SENTENCES[finding.code]) % {"about": finding.about}


LINKS = {
    "empty": _("A link leads nowhere: it has no address."),
    "unfinished": _("“%(url)s” is not finished: put the address in."),
    "relative": _("“%(url)s” leads nowhere from a letter: begin it with https://."),
    "mailto_bad": _("“%(url)s” is no mailbox."),
    "tel_bad": _("“%(url)s” is no phone number."),
    "reserved_host": _("“%(url)s”: %(about)s is a name for examples, nobody gets anywhere."),
    "may_be_missing": _("“%(url)s” holds %(about)s, which some people lack: give the field a default."),
    "not_secret": _("“%(url)s” begins with http: browsers warn of such pages. Use https if the page has it."),
    "gone": _("“%(url)s” is not there: the server says %(about)s."),
    "closed": _("“%(url)s” could not be looked at: the server turns programs away (%(about)s). Open it yourself."),
    "in_trouble": _("“%(url)s”: the server is in trouble (%(about)s)."),
    "inside": _("“%(url)s” leads to an address inside, or to a port nobody opens: your readers cannot get there."),
    "no_host": _("“%(url)s”: no server is known by the name %(about)s."),
    "no_trust": _("“%(url)s”: browsers will not trust the certificate of %(about)s."),
    "slow": _("“%(url)s” took longer than 5 seconds."),
    "no_answer": _("“%(url)s”: the server did not answer."),
    "ring": _("“%(url)s” leads round in circles."),
    "moved": _("“%(url)s” leads on to %(about)s."),
    "good": _("“%(url)s” is there."),
}


def link_sentence(note: Note) -> str:
    """What is to be said of a link."""
    return str(LINKS[note.code]) % {"url": note.url, "about": note.about}
