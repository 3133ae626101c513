"""Pages for the people who got a message: no sign-in, no cookies, GET changes no consent."""
