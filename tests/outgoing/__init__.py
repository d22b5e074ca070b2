"""What goes out: mails, pings and webhooks, against real servers on loopback."""
