"""What Remora is measured beside: each as well made as somebody who knows its parts would make it."""
