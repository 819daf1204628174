"""ducklake"""
